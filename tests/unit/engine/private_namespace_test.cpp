#include "replay/engine/private_namespace.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "replay/engine/child_process.h"
#include "replay/engine/sysctl.h"
#include "tests/unit/engine/kernel_support.h"

namespace kubeproof {
namespace {

ino_t inode_of_current() {
  struct stat status {};
  stat("/proc/thread-self/ns/net", &status);
  return status.st_ino;
}

Result<ino_t> inode_inside(const PrivateNamespace& space) {
  return space.run([]() -> Result<ino_t> { return inode_of_current(); });
}

class PrivateNamespaceTest : public KernelTest {};

TEST_F(PrivateNamespaceTest, LeavesTheThreadWhereItWas) {
  const ino_t home = inode_of_current();
  const auto inside = inode_inside(*space_);
  ASSERT_TRUE(inside);
  EXPECT_NE(*inside, home);
  EXPECT_EQ(inode_of_current(), home);
}

TEST_F(PrivateNamespaceTest, NestsAndReturnsToTheEnclosingOne) {
  auto other = PrivateNamespace::create();
  ASSERT_TRUE(other);
  const ino_t outer = inode_inside(*space_).value();
  const auto after_inner = space_->run([&]() -> Result<ino_t> {
    EXPECT_NE(inode_inside(*other).value(), outer);
    return inode_of_current();
  });
  EXPECT_EQ(after_inner.value(), outer);
}

TEST_F(PrivateNamespaceTest, ChildrenStartInside) {
  const auto listed = space_->run([] { return run_child_checked({"ip", "-o", "link"}, ""); });
  ASSERT_TRUE(listed) << listed.error().message;
  EXPECT_NE(listed->find("lo:"), std::string::npos);
  EXPECT_EQ(listed->find("2: "), std::string::npos) << *listed;
}

TEST_F(PrivateNamespaceTest, SettingsAreItsOwn) {
  const auto host = read_sysctl("ipv4/ip_default_ttl");
  const auto inside = space_->run([]() -> Result<std::string> {
    auto written = write_sysctl("ipv4/ip_default_ttl", "77");
    if (!written) return tl::unexpected(written.error());
    return read_sysctl("ipv4/ip_default_ttl");
  });
  EXPECT_EQ(inside.value(), "77");
  EXPECT_EQ(read_sysctl("ipv4/ip_default_ttl").value(), host.value());
}

TEST(ChildProcessTest, AProgramThatDoesNotExistIsAnErrorThatNamesIt) {
  const auto output = run_child({"/no/such/program"}, "");
  ASSERT_FALSE(output);
  EXPECT_NE(output.error().message.find("/no/such/program"), std::string::npos);
}

TEST(ChildProcessTest, InputAndOutputsLargerThanAPipeComeThrough) {
  const std::string text(1 << 20, 'x');
  const auto output = run_child_checked({"cat"}, text);
  ASSERT_TRUE(output) << output.error().message;
  EXPECT_EQ(*output, text);
}

TEST(ChildProcessTest, FailureQuotesTheProgramsFirstLine) {
  const auto output = run_child_checked({"sh", "-c", "echo because >&2; exit 3"}, "");
  ASSERT_FALSE(output);
  EXPECT_EQ(output.error().message, "sh: exit status 3: because");
}

TEST(ChildProcessTest, EnvironmentReachesTheProgram) {
  EXPECT_EQ(run_child_checked({"sh", "-c", "printf %s \"$GREETING\""}, "", {"GREETING=hello"}),
            "hello");
}

}  // namespace
}  // namespace kubeproof
