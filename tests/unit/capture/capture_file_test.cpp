#include "replay/capture/capture_file.h"

#include <sys/stat.h>

#include <filesystem>

#include "tests/unit/capture/capture_fixture.h"

namespace kubeproof {
namespace {

const Bytes kPacket = PacketBuilder::udp("10.0.0.1:7", "10.0.0.2:8").payload("abc").build();

class CaptureFileTest : public CaptureTest {
 protected:
  std::string error_of(const std::string& path) {
    const auto file = CaptureFile::open(path);
    if (file) return "";
    EXPECT_EQ(file.error().kind, ErrorKind::kBadInput);
    return file.error().message;
  }
  std::string three_frames() {
    return write_capture("three.pcap", DLT_RAW,
                         {{microseconds(1500000), kPacket},
                          {microseconds(1500001), kPacket},
                          {microseconds(1500002), kPacket}});
  }
};

TEST_F(CaptureFileTest, NumbersFramesAndKeepsTheirTime) {
  auto file = CaptureFile::open(three_frames());
  ASSERT_TRUE(file);
  EXPECT_EQ(file->next()->number, 1U);
  const auto second = file->next();
  EXPECT_EQ(second->number, 2U);
  EXPECT_EQ(second->time, microseconds(1500001));
  EXPECT_EQ(Bytes(second->bytes.begin(), second->bytes.end()), kPacket);
  EXPECT_TRUE(file->next());
  EXPECT_FALSE(file->next());
  EXPECT_FALSE(file->damage());
}

TEST_F(CaptureFileTest, NamesAFileThatIsMissing) {
  EXPECT_EQ(error_of(path("none.pcap")), path("none.pcap") + ": No such file or directory");
}

TEST_F(CaptureFileTest, RefusesADirectory) {
  EXPECT_EQ(error_of(folder_.path()),
            folder_.path().string() + ": a directory, expected a capture");
}

TEST_F(CaptureFileTest, RefusesWhatCannotBeReadTwice) {
  EXPECT_EQ(error_of("-"),
            "-: a capture is read more than once, expected a file, not standard input");
  ASSERT_EQ(mkfifo(path("pipe").c_str(), 0600), 0);
  EXPECT_EQ(
      error_of(path("pipe")),
      path("pipe") + ": a capture is read more than once, expected a file, not a pipe or device");
}

TEST_F(CaptureFileTest, EndsWhereNothingButZerosFollows) {
  const std::string file = three_frames();
  std::filesystem::resize_file(file, uintmax_t{1} << 31);  // sparse
  auto opened = CaptureFile::open(file);
  ASSERT_TRUE(opened);
  while (opened->next()) {
  }
  EXPECT_EQ(opened->frames(), 3U);
  EXPECT_EQ(opened->damage(), file + ": after frame 3: nothing but zeros");
}

// A section, an interface of raw IP, and a packet 292,000 years from now.
TEST_F(CaptureFileTest, KeepsTimesWithinTheRangeOfNanoseconds) {
  const Bytes file = {0x0a, 0x0d, 0x0d, 0x0a, 28,   0,    0,    0,    0x4d, 0x3c, 0x2b, 0x1a, 1, 0,
                      0,    0,    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 28,   0,    0, 0,
                      1,    0,    0,    0,    20,   0,    0,    0,    101,  0,    0,    0,    0, 0,
                      4,    0,    20,   0,    0,    0,    6,    0,    0,    0,    36,   0,    0, 0,
                      0,    0,    0,    0,    0xff, 0xff, 0xff, 0x7f, 0,    0,    0,    0,    1, 0,
                      0,    0,    1,    0,    0,    0,    'x',  0,    0,    0,    36,   0,    0, 0};
  write_file(path("far.pcapng"), file);
  auto opened = CaptureFile::open(path("far.pcapng"));
  ASSERT_TRUE(opened) << opened.error().message;
  const auto frame = opened->next();
  ASSERT_TRUE(frame);
  EXPECT_EQ(std::chrono::floor<std::chrono::seconds>(frame->time).count(), UINT32_MAX);
}

TEST_F(CaptureFileTest, RefusesWhatIsNoCapture) {
  write_file(path("text"), Bytes(100, 'x'));
  EXPECT_EQ(error_of(path("text")),
            path("text") + ": not a pcap or pcapng capture: unknown file format");
  write_file(path("empty"), {});
  EXPECT_NE(error_of(path("empty")), "");
}

TEST_F(CaptureFileTest, RefusesALinkTypeThatItDoesNotKnow) {
  const std::string file = write_capture("wifi.pcap", DLT_IEEE802_11, {});
  EXPECT_EQ(error_of(file),
            file +
                ": link type 105 (IEEE802_11) is not supported, expected one of: Ethernet, raw "
                "IP, raw IPv4, raw IPv6, Linux cooked v1, Linux cooked v2, NFLOG");
}

TEST_F(CaptureFileTest, CutAnywhereReadsWhatIsWhole) {
  const Bytes whole = read_file(three_frames());
  constexpr size_t kFileHeader = 24;
  const size_t record = 16 + kPacket.size();
  for (size_t size = kFileHeader; size < whole.size(); ++size) {
    write_file(path("cut.pcap"), ByteView(whole).first(size));
    auto file = CaptureFile::open(path("cut.pcap"));
    ASSERT_TRUE(file) << size;
    size_t frames = 0;
    while (file->next()) ++frames;
    EXPECT_EQ(frames, (size - kFileHeader) / record) << size;
    EXPECT_EQ(file->damage().has_value(), (size - kFileHeader) % record != 0) << size;
  }
  for (size_t size = 0; size < kFileHeader; ++size) {
    write_file(path("cut.pcap"), ByteView(whole).first(size));
    EXPECT_NE(error_of(path("cut.pcap")), "") << size;
  }
}

TEST_F(CaptureFileTest, SaysWhereTheDamageIs) {
  Bytes bytes = read_file(three_frames());
  const size_t second_record = 24 + 16 + kPacket.size();
  bytes[second_record + 11] = 0x7f;  // its captured length
  write_file(path("bad.pcap"), bytes);
  auto file = CaptureFile::open(path("bad.pcap"));
  EXPECT_TRUE(file->next());
  EXPECT_FALSE(file->next());
  ASSERT_TRUE(file->damage());
  EXPECT_EQ(file->damage()->find(path("bad.pcap") + ": after frame 1: "), 0U) << *file->damage();
}

// Section header, interface description and one enhanced packet, little endian, time in
// microseconds.
TEST_F(CaptureFileTest, ReadsPcapng) {
  Bytes bytes;
  const auto put32 = [&](uint32_t value) {
    for (int i = 0; i < 4; ++i) bytes.push_back(static_cast<uint8_t>(value >> 8 * i));
  };
  const auto block = [&](uint32_t type, const std::vector<uint32_t>& words, ByteView data) {
    const auto size = static_cast<uint32_t>(12 + 4 * words.size() + (data.size() + 3) / 4 * 4);
    put32(type);
    put32(size);
    for (const uint32_t word : words) put32(word);
    bytes.insert(bytes.end(), data.begin(), data.end());
    bytes.resize((bytes.size() + 3) / 4 * 4);
    put32(size);
  };
  const auto length = static_cast<uint32_t>(kPacket.size());
  block(0x0a0d0d0a, {0x1a2b3c4d, 0x00000001, 0xffffffff, 0xffffffff}, {});
  block(1, {101, 262144}, {});
  block(6, {0, 0, 1500001, length, length}, kPacket);
  write_file(path("ng.pcapng"), bytes);
  auto file = CaptureFile::open(path("ng.pcapng"));
  ASSERT_TRUE(file) << file.error().message;
  const auto frame = file->next();
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->time, microseconds(1500001));
  EXPECT_EQ(Bytes(frame->bytes.begin(), frame->bytes.end()), kPacket);
  EXPECT_FALSE(file->next());
}

}  // namespace
}  // namespace kubeproof
