#include "replay/capture/capture_survey.h"
#include "replay/capture/capture_writer.h"
#include "tests/unit/capture/capture_fixture.h"

namespace kubeproof {
namespace {

class SurveyTest : public CaptureTest {
 protected:
  std::string capture_of(const std::vector<std::string>& sources) {
    std::vector<TestFrame> frames;
    for (const std::string& source : sources) {
      frames.push_back(
          {microseconds(frames.size()), PacketBuilder::udp(source, "10.0.0.2:8").build()});
    }
    return write_capture("survey.pcap", DLT_RAW, frames);
  }
};

TEST_F(SurveyTest, FindsEachSourceOnceInOrder) {
  const auto survey = survey_captures(
      {capture_of({"10.180.0.7:1", "203.0.113.9:1", "10.180.0.7:2", "10.180.0.3:1"})}, {});
  ASSERT_TRUE(survey);
  EXPECT_EQ(survey->sources,
            (std::vector{*IpAddress::parse("10.180.0.7"), *IpAddress::parse("203.0.113.9"),
                         *IpAddress::parse("10.180.0.3")}));
  EXPECT_EQ(survey->frames, 4U);
  EXPECT_TRUE(survey->complete);
}

TEST_F(SurveyTest, KeepsToThePrefixesAskedFor) {
  const auto survey = survey_captures({capture_of({"10.180.0.7:1", "203.0.113.9:1"})},
                                      {*Cidr::parse("10.180.0.0/24")});
  EXPECT_EQ(survey->sources, std::vector{*IpAddress::parse("10.180.0.7")});
}

TEST_F(SurveyTest, FailsWhereAFileCannotBeRead) {
  EXPECT_FALSE(survey_captures({path("none.pcap")}, {}));
}

class WriterTest : public CaptureTest {};

TEST_F(WriterTest, WritesWhatTheImportReads) {
  const Bytes four = PacketBuilder::udp("203.0.113.9:1", "10.0.0.2:8").build();
  const Bytes six = PacketBuilder::udp("[fd00::9]:1", "[fd00::2]:8").build();
  auto writer = CaptureWriter::create(path("out.pcap"));
  ASSERT_TRUE(writer);
  writer->write(std::chrono::nanoseconds(1'000'000'001), four);
  writer->write(std::chrono::nanoseconds(1'000'000'002), six);
  ASSERT_TRUE(writer->finish());
  const auto packets = import({path("out.pcap")});
  ASSERT_EQ(packets.size(), 2U);
  EXPECT_EQ(packets[0].packet, four);
  EXPECT_EQ(packets[0].time, std::chrono::nanoseconds(1'000'000'001));
  EXPECT_EQ(packets[1].packet, six);
}

TEST_F(WriterTest, NamesAFileThatItCannotWrite) {
  const auto writer = CaptureWriter::create(path("no/such/directory.pcap"));
  ASSERT_FALSE(writer);
  EXPECT_EQ(writer.error().message, path("no/such/directory.pcap") + ": No such file or directory");
}

TEST_F(WriterTest, SaysThatTheDiskIsFull) {
  auto writer = CaptureWriter::create("/dev/full");
  ASSERT_TRUE(writer);
  writer->write({}, Bytes(100));
  const auto finished = writer->finish();
  ASSERT_FALSE(finished);
  EXPECT_EQ(finished.error().message, "/dev/full: No space left on device");
}

}  // namespace
}  // namespace kubeproof
