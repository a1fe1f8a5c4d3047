#include "replay/engine/test_run.h"

#include <bpf/bpf.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <linux/if_packet.h>
#include <linux/pkt_cls.h>

#include <cstddef>
#include <initializer_list>

#include "model/packet/packet_builder.h"
#include "replay/engine/file_descriptor.h"

namespace kubeproof {
namespace {

constexpr bpf_insn load_field(int to, size_t offset) {
  return {BPF_LDX | BPF_MEM | BPF_W, static_cast<uint8_t>(to), BPF_REG_1,
          static_cast<int16_t>(offset), 0};
}
constexpr bpf_insn store_field(size_t offset, int from) {
  return {BPF_STX | BPF_MEM | BPF_W, BPF_REG_1, static_cast<uint8_t>(from),
          static_cast<int16_t>(offset), 0};
}
constexpr bpf_insn set(int to, int value) {
  return {BPF_ALU64 | BPF_MOV | BPF_K, static_cast<uint8_t>(to), 0, 0, value};
}
constexpr bpf_insn add(int to, int value) {
  return {BPF_ALU64 | BPF_ADD | BPF_K, static_cast<uint8_t>(to), 0, 0, value};
}
constexpr bpf_insn call(int helper) {
  return {BPF_JMP | BPF_CALL, 0, 0, 0, helper};
}
constexpr bpf_insn leave() {
  return {BPF_JMP | BPF_EXIT, 0, 0, 0, 0};
}

class TestRunTest : public testing::Test {
 protected:
  // The context stays in R1.
  TestRun program(std::initializer_list<bpf_insn> instructions) {
    program_ = FileDescriptor(bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "test", "GPL",
                                            instructions.begin(), instructions.size(), nullptr));
    return {program_.get(), "a program"};
  }

  void SetUp() override {
    program({set(BPF_REG_0, 0), leave()});
    if (!program_) GTEST_SKIP() << "BPF programs cannot be loaded: run as root";
  }

  Bytes packet_ = PacketBuilder::udp("10.0.0.1:4000", "10.0.0.2:53").build();

 private:
  FileDescriptor program_;
};

TEST_F(TestRunTest, ReturnsTheVerdictAndThePacket) {
  const auto output = program({set(BPF_REG_0, TC_ACT_SHOT), leave()}).run(packet_, {});
  ASSERT_TRUE(output) << output.error().message;
  EXPECT_EQ(output->verdict, TC_ACT_SHOT);
}

TEST_F(TestRunTest, LeavesThePacketAsItIsWhereTheProgramDoes) {
  for (const char* to : {"10.0.0.2:53", "[fd00::2]:53"}) {
    const char* from = to[0] == '[' ? "[fd00::1]:4000" : "10.0.0.1:4000";
    const Bytes packet = PacketBuilder::udp(from, to).build();
    TestRun run = program({set(BPF_REG_0, 0), leave()});
    const auto output = run.run(packet, {});
    ASSERT_TRUE(output);
    EXPECT_EQ(Bytes(output->packet.begin(), output->packet.end()), packet);
  }
}

TEST_F(TestRunTest, CarriesTheMarkInAndOut) {
  TestRun run =
      program({load_field(BPF_REG_2, offsetof(__sk_buff, mark)), add(BPF_REG_2, 1),
               store_field(offsetof(__sk_buff, mark), BPF_REG_2), set(BPF_REG_0, 0), leave()});
  EXPECT_EQ(run.run(packet_, {.mark = 41})->mark, 42U);
}

TEST_F(TestRunTest, ShowsTheInterfaceWhereThePacketWasReceived) {
  TestRun run = program({load_field(BPF_REG_0, offsetof(__sk_buff, ingress_ifindex)), leave()});
  EXPECT_EQ(run.run(packet_, {.ingress = 7})->verdict, 7);
}

TEST_F(TestRunTest, TellsWhatTheHostHearsOfItselfByThePacketType) {
  TestRun run = program({load_field(BPF_REG_0, offsetof(__sk_buff, pkt_type)), leave()});
  EXPECT_EQ(run.run(packet_, {})->verdict, PACKET_HOST);
  EXPECT_EQ(run.run(packet_, {.looped_back = true})->verdict, PACKET_OTHERHOST);
}

TEST_F(TestRunTest, TellsTheProtocolByTheVersion) {
  TestRun run = program({load_field(BPF_REG_0, offsetof(__sk_buff, protocol)), leave()});
  EXPECT_EQ(run.run(packet_, {})->verdict, 0x0008);
  const Bytes packet6 = PacketBuilder::udp("[fd00::1]:4000", "[fd00::2]:53").build();
  EXPECT_EQ(run.run(packet6, {})->verdict, 0xdd86);
}

TEST_F(TestRunTest, ReturnsPacketsThatGrew) {
  TestRun run = program({set(BPF_REG_2, 3000), set(BPF_REG_3, 0), call(BPF_FUNC_skb_change_tail),
                         set(BPF_REG_0, 0), leave()});
  EXPECT_EQ(run.run(packet_, {})->packet.size(), 3000U - 14);
}

// What a device has summed up is no more what it was when bytes change without a word to the
// kernel.
class TestRunDeviceSum : public TestRunTest {
 protected:
  TestRun storing_a_byte(int flags) {
    return program({{BPF_ST | BPF_MEM | BPF_B, BPF_REG_10, 0, -1, 0xee},
                    set(BPF_REG_2, 14),
                    {BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_3, BPF_REG_10, 0, 0},
                    add(BPF_REG_3, -1),
                    set(BPF_REG_4, 1),
                    set(BPF_REG_5, flags),
                    call(BPF_FUNC_skb_store_bytes),
                    set(BPF_REG_0, TC_ACT_OK),
                    leave()});
  }
  void SetUp() override {
    TestRunTest::SetUp();
    if (IsSkipped()) return;
    const auto output = storing_a_byte(0).run(packet_, {});
    ASSERT_TRUE(output) << output.error().message;
    if (!output->device_sum_lost) GTEST_SKIP() << "needs Linux 6.11";
  }
};

TEST_F(TestRunDeviceSum, IsLostByBytesChangedSilently) {
  TestRun run = storing_a_byte(0);
  const auto output = run.run(packet_, {});
  ASSERT_TRUE(output) << output.error().message;
  EXPECT_TRUE(output->device_sum_lost);
  EXPECT_EQ(output->verdict, TC_ACT_SHOT);
}

TEST_F(TestRunDeviceSum, IsKeptWhereTheKernelIsTold) {
  TestRun run = storing_a_byte(BPF_F_RECOMPUTE_CSUM);
  const auto output = run.run(packet_, {});
  ASSERT_TRUE(output) << output.error().message;
  EXPECT_FALSE(output->device_sum_lost);
  EXPECT_EQ(output->packet[0], 0xee);
}

TEST_F(TestRunDeviceSum, IsNotThereWhereNoneIsAskedFor) {
  TestRun run = storing_a_byte(0);
  const auto output = run.run(packet_, {.device_sum = false});
  ASSERT_TRUE(output) << output.error().message;
  EXPECT_FALSE(output->device_sum_lost);
  EXPECT_EQ(output->packet[0], 0xee);
}

TEST_F(TestRunTest, NamesAnInterfaceThatDoesNotExist) {
  TestRun run = program({set(BPF_REG_0, 0), leave()});
  const auto output = run.run(packet_, {.interface = 4242});
  ASSERT_FALSE(output);
  EXPECT_NE(output.error().message.find("interface 4242"), std::string::npos);
}

TEST_F(TestRunTest, RefusesPacketsThatTheKernelWouldNotTake) {
  TestRun run = program({set(BPF_REG_0, 0), leave()});
  Bytes large = packet_;
  large.resize(TestRun::kLargestPacket);
  EXPECT_TRUE(run.run(large, {}));
  large.push_back(0);
  EXPECT_FALSE(run.run(large, {}));
}

}  // namespace
}  // namespace kubeproof
