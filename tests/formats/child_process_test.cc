#include "formats/child_process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "tests/formats/scoped_variable.h"

namespace dure::formats {
namespace {

using testing::HasSubstr;

ChildRequest Shell(const std::string& script) {
  ChildRequest request;
  request.argv = {"sh", "-c", script};
  return request;
}

TEST(ChildProcess, GivesOutputAndStatus) {
  const auto outcome = RunChild(Shell("echo out; echo err >&2; pwd; exit 3"));
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->exit_status, 3);
  EXPECT_EQ(outcome->output, "out\nerr\n/\n");
  EXPECT_EQ(RunChild(Shell("kill -9 $$"))->exit_status, 128 + 9);
}

TEST(ChildProcess, ArgumentsAreNotReadByAShell) {
  ChildRequest request;
  request.argv = {"echo", "$HOME; `id`"};
  EXPECT_EQ(RunChild(request)->output, "$HOME; `id`\n");
}

TEST(ChildProcess, TheEnvironmentIsAddedToAndReplaced) {
  const ScopedVariable kept("DURE_TEST_KEPT", "kept");
  const ScopedVariable changed("DURE_TEST_CHANGED", "before");
  ChildRequest request = Shell("echo $DURE_TEST_KEPT $DURE_TEST_CHANGED");
  request.environment = {"DURE_TEST_CHANGED=after"};
  EXPECT_EQ(RunChild(request)->output, "kept after\n");
}

TEST(ChildProcess, AbsentProgramsAreNamed) {
  ChildRequest request;
  request.argv = {"no-such-program"};
  const auto outcome = RunChild(request);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(outcome.error().message, HasSubstr("no-such-program"));
}

TEST(ChildProcess, TimeoutsAndCancellingEndTheWholeGroup) {
  const auto start = std::chrono::steady_clock::now();
  ChildRequest slow = Shell("sleep 600 & sleep 600");
  slow.timeout_ms = 200;
  EXPECT_EQ(RunChild(slow).error().code, ErrorCode::kUnavailable);
  ChildRequest cancelled = Shell("sleep 600 & sleep 600");
  cancelled.keep_going = [] { return false; };
  EXPECT_EQ(RunChild(cancelled).error().code, ErrorCode::kCancelled);
  // A grandchild that keeps the pipe does not keep us.
  EXPECT_EQ(RunChild(Shell("sleep 600 & exit 5"))->exit_status, 5);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(60));
}

TEST(ChildProcess, OutputBeyondTheLimitIsDropped) {
  ChildRequest request = Shell("head -c 1000000 /dev/zero; exit 1");
  request.max_output_bytes = 1000;
  const auto outcome = RunChild(request);
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->output.size(), 1000u);
  EXPECT_EQ(outcome->exit_status, 1);
}

}  // namespace
}  // namespace dure::formats
