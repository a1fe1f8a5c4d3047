#include <charconv>
#include <utility>

#include "model/cluster/duration_text.h"
#include "model/cluster/read_objects_json.h"
#include "model/packet/packet_view.h"
#include "replay/case/ingress_text.h"
#include "replay/case/read_steps_json.h"

namespace kubeproof {
namespace {

constexpr int64_t kMostFlows = 1'000'000;

std::string_view pod_address_of(std::string_view ingress) {
  constexpr std::string_view kPrefix = "pod:";
  return ingress.starts_with(kPrefix) ? ingress.substr(kPrefix.size()) : std::string_view();
}

Bytes read_hex(const JsonField& field) {
  Bytes bytes;
  std::string digits;
  for (const char each : field.string()) {
    if (each != ' ' && each != '\n') digits += each;
  }
  for (size_t at = 0; at < digits.size(); at += 2) {
    uint8_t byte = 0;
    const char* begin = digits.data() + at;
    const char* end = digits.data() + std::min(at + 2, digits.size());
    const auto [stop, error] = std::from_chars(begin, end, byte, 16);
    if (error != std::errc() || stop != end || end - begin != 2) {
      field.fail_expecting("pairs of hexadecimal digits");
    }
    bytes.push_back(byte);
  }
  if (bytes.empty()) field.fail_expecting("the bytes of a packet");
  return bytes;
}

SocketAddress read_endpoint(const JsonField& field) {
  const auto endpoint = SocketAddress::parse(field.string());
  if (!endpoint) field.fail_expecting("ADDRESS:PORT ([ADDRESS]:PORT for IPv6)");
  return *endpoint;
}

std::optional<bool> read_flag(const JsonField& field) {
  if (!field.present()) return std::nullopt;
  return field.boolean_or(false);
}

ExpectedEndpoint read_expected_endpoint(const JsonField& field) {
  if (field.value().is_string()) return {read_endpoint(field), std::nullopt};
  field.expect_only({"address", "masquerade"});
  return {read_endpoint(field["address"]), read_flag(field["masquerade"])};
}

Expectation read_expectation(const JsonField& field) {
  field.expect_only({"verdict", "endpoints", "masquerade"});
  Expectation expectation;
  expectation.verdict = field["verdict"].one_of<ExpectedVerdict>({
      {"dnat", ExpectedVerdict::kDnat},
      {"accept", ExpectedVerdict::kAccept},
      {"drop", ExpectedVerdict::kDrop},
      {"reject", ExpectedVerdict::kReject},
  });
  if (field["endpoints"].present()) {
    if (expectation.verdict != ExpectedVerdict::kDnat) {
      field["endpoints"].fail("only the verdict dnat has endpoints");
    }
    expectation.endpoints.emplace();
    for (const JsonField& item : field["endpoints"].items()) {
      expectation.endpoints->push_back(read_expected_endpoint(item));
    }
  }
  expectation.masquerade = read_flag(field["masquerade"]);
  return expectation;
}

}  // namespace

Result<void> StepsReader::read(const JsonField& steps) {
  for (const JsonField& field : steps.items()) {
    auto step = read_step(field);
    if (!step) return tl::unexpected(step.error());
    steps_.push_back(*std::move(step));
  }
  return {};
}

Result<Step> StepsReader::read_step(const JsonField& field) {
  if (field["flow"].present()) {
    field.expect_only({"flow", "expect"});
    FlowStep flow = read_flow(field["flow"]);
    if (field["expect"].present()) flow.expect = read_expectation(field["expect"]);
    return flow;
  }
  if (field["packet"].present()) {
    field.expect_only({"packet"});
    return read_packet(field["packet"]);
  }
  if (field["captured"].present()) {
    field.expect_only({"captured"});
    return read_captured(field["captured"]);
  }
  if (field["capture"].present()) {
    field.expect_only({"capture"});
    return read_capture(field["capture"]);
  }
  if (field["advance"].present()) {
    field.expect_only({"advance"});
    const auto duration = parse_duration(field["advance"].string());
    if (!duration || duration->count() < 0) {
      field["advance"].fail_expecting("a duration such as 10s");
    }
    return AdvanceStep{*duration};
  }
  if (field["apply"].present()) {
    field.expect_only({"apply"});
    auto objects = read_objects(field["apply"].value(), document_);
    if (!objects) return tl::unexpected(objects.error());
    return ApplyStep{*std::move(objects)};
  }
  if (field["delete"].present()) return read_delete(field);
  field.expect_only({"flow", "capture", "packet", "captured", "advance", "apply", "delete"});
  field.fail_expecting("one of flow, capture, packet, captured, advance, apply, delete");
}

FlowStep StepsReader::read_flow(const JsonField& field) {
  field.expect_only(
      {"from", "to", "protocol", "ingress", "sourcePort", "repeat", "ttl", "payload", "reply"});
  FlowStep flow;
  const auto from = IpAddress::parse(field["from"].string());
  if (!from) field["from"].fail_expecting("an IP address");
  flow.from = *from;
  flow.to = read_endpoint(field["to"]);
  if (flow.from.family() != flow.to.address.family()) {
    field["to"].fail_expecting(fmt::format("an {} address, as in from", to_string(from->family())));
  }
  flow.protocol =
      field["protocol"].one_of_or<uint8_t>(kTcp, {{"TCP", kTcp}, {"UDP", kUdp}, {"SCTP", kSctp}});
  if (field["sourcePort"].present()) {
    flow.source_port = static_cast<uint16_t>(field["sourcePort"].integer(1, 65535));
  }
  flow.repeat = static_cast<uint32_t>(field["repeat"].integer_or(1, 1, kMostFlows));
  if (flow.source_port && *flow.source_port + (flow.repeat - 1) > 65535) {
    field["repeat"].fail_expecting("no more flows than there are ports from sourcePort on");
  }
  flow.ttl = static_cast<uint8_t>(field["ttl"].integer_or(flow.ttl, 1, 255));
  if (field["payload"].present()) flow.payload = field["payload"].string();
  flow.reply = field["reply"].boolean_or(true);
  note_source(flow.from, field["ingress"]);
  return flow;
}

PacketStep StepsReader::read_packet(const JsonField& field) {
  field.expect_only({"ingress", "hex", "mark"});
  PacketStep step;
  step.packet = read_hex(field["hex"]);
  step.mark = static_cast<uint32_t>(field["mark"].integer_or(0, 0, UINT32_MAX));
  const auto view = parse_packet(step.packet);
  // A packet that is none has no source; then only the case can say where it enters.
  if (!view && !field["ingress"].present()) field["ingress"].string();
  note_source(view ? view->source : IpAddress(), field["ingress"]);
  return step;
}

CapturedStep StepsReader::read_captured(const JsonField& field) {
  field.expect_only({"ingress", "hex", "departures", "asItLeft"});
  CapturedStep step;
  step.packet.packet = read_hex(field["hex"]);
  step.packet.as_it_left = field["asItLeft"].boolean_or(false);
  // Without the list, nobody knows what the captured node did.
  step.packet.departures_complete = field["departures"].present();
  for (const JsonField& item : field["departures"].items()) {
    item.expect_only({"interface", "hex", "answer", "loopback"});
    CapturedPacket::Departure& departure = step.packet.departures.emplace_back();
    departure.packet = read_hex(item["hex"]);
    departure.is_answer = item["answer"].boolean_or(false);
    departure.loopback = item["loopback"].boolean_or(false);
    if (item["interface"].present()) {
      departures_.push_back({steps_.size(), step.packet.departures.size() - 1, item["interface"]});
    }
  }
  const auto view = parse_packet(step.packet.packet);
  if (!view && !field["ingress"].present()) field["ingress"].string();
  note_source(view ? view->source : IpAddress(), field["ingress"]);
  return step;
}

CaptureStep StepsReader::read_capture(const JsonField& field) {
  CaptureStep step;
  if (field.value().is_string()) {
    step.files.push_back(resolve_file_(field.string()));
  } else {
    for (const std::string& file : field.strings()) step.files.push_back(resolve_file_(file));
  }
  if (step.files.empty()) field.fail_expecting("the name of a capture");
  return step;
}

Result<Step> StepsReader::read_delete(const JsonField& field) {
  field.expect_only({"delete"});
  DeleteStep step;
  for (const JsonField& item : field["delete"].items()) {
    const auto id = read_object_id(item, document_);
    if (!id) return tl::unexpected(id.error());
    step.objects.push_back(*id);
  }
  return step;
}

void StepsReader::note_source(const IpAddress& source, const JsonField& ingress) {
  origins_.push_back({steps_.size(), source, ingress});
  sources_.push_back(source);
  if (!ingress.present()) return;
  const auto pod = IpAddress::parse(pod_address_of(ingress.string()));
  if (pod) sources_.push_back(*pod);
}

void StepsReader::look_up_ingresses(const World& world) {
  for (const Origin& origin : origins_) {
    Ingress ingress = world.ingress_for_source(origin.source);
    if (origin.ingress.present()) {
      const auto given = parse_ingress(origin.ingress.string(), world);
      if (!given) origin.ingress.fail(given.error().message);
      ingress = *given;
    }
    Step& step = steps_[origin.step];
    if (auto* flow = std::get_if<FlowStep>(&step)) flow->ingress = ingress;
    if (auto* packet = std::get_if<PacketStep>(&step)) packet->ingress = ingress;
    if (auto* captured = std::get_if<CapturedStep>(&step)) captured->packet.ingress = ingress;
  }
  for (const Departure& departure : departures_) {
    const Interface* interface = world.find_interface(departure.interface.string());
    if (interface == nullptr) departure.interface.fail_expecting("an interface of the node");
    auto& captured = std::get<CapturedStep>(steps_[departure.step]).packet;
    captured.departures[departure.departure].interface = interface->index;
  }
}

}  // namespace kubeproof
