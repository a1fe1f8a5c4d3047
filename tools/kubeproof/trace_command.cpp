// kubeproof trace: one packet through every engine, side by side.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "replay/report/printable.h"
#include "replay/report/trace_report.h"
#include "tools/kubeproof/command_line.h"
#include "tools/kubeproof/engine_options.h"
#include "tools/kubeproof/report_options.h"
#include "tools/kubeproof/snapshot_options.h"
#include "tools/kubeproof/trace_request.h"

namespace kubeproof {
namespace {

struct TraceOptions {
  SnapshotOptions snapshot;
  TraceRequest request;
  EngineOptions engines;
  std::string format = "text";
};

int run_trace(const TraceOptions& options) {
  const auto snapshot = options.snapshot.read();
  if (!snapshot) return fail(snapshot.error());
  const auto report = answer(options.request, *snapshot, options.engines);
  if (!report) return fail(report.error());
  tell_notes(*snapshot);
  fmt::print("{}", options.format == "json"
                       ? render_trace_json(*report)
                       : printable(render_trace_text(*report, output_takes_color())));
  return exit_status(verdict_of(*report));
}

}  // namespace

void add_trace_command(CLI::App& program, int& status) {
  auto options = std::make_shared<TraceOptions>();
  CLI::App* command = program.add_subcommand(
      "trace", "Show what each engine does with one packet, side by side, and why");
  options->snapshot.add_to(*command);
  options->request.rules.add_to(*command);
  options->engines.add_to(*command);
  command
      ->add_option("--from", options->request.from,
                   "Where the packet comes from: an address, with a port or without; pod:ADDRESS; "
                   "host, a process of the node; uplink, a client outside")
      ->type_name("WHERE")
      ->required();
  command->add_option("--to", options->request.to, "Where it goes; TCP where no protocol is given")
      ->type_name("ADDR:PORT[/PROTO]")
      ->required();
  command
      ->add_option("--pcap", options->request.captures,
                   "Captures of the node: what it did with such a packet")
      ->type_name("FILE");
  command->add_option("--format", options->format, "For people or for machines")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  command->footer(
      "Examples:\n"
      "  kubeproof trace --cluster cluster.yaml --node NODE --from uplink --to 10.96.0.10:80\n"
      "  kubeproof trace --cluster cluster.yaml --node NODE --from pod:10.180.0.20 \\\n"
      "    --to '[fd00:10:96::30]:53/udp' --pcap node.pcap\n\n"
      "Exit status: 0 they agree, 1 they do not, 2 bad usage or input, 3 cannot run here.");
  command->callback([options, &status] { status = run_trace(*options); });
}

}  // namespace kubeproof
