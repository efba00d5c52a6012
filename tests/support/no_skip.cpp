// In every unit test program: with AI_PROXY_NO_SKIP=1 a test that skips itself, because the recordings or a
// tool are not at hand, has failed. Where everything must be at hand, nothing goes untested unseen.
#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <string_view>

namespace {

class NoSkip final : public testing::EmptyTestEventListener {
 public:
  void OnTestEnd(const testing::TestInfo& test) override {
    if (test.result()->Skipped()) ADD_FAILURE() << "it skipped itself, and AI_PROXY_NO_SKIP is set";
  }
};

const bool is_watched = [] {
  const char* set = std::getenv("AI_PROXY_NO_SKIP");
  if (set == nullptr || std::string_view(set) != "1") return false;
  testing::UnitTest::GetInstance()->listeners().Append(std::make_unique<NoSkip>().release());
  return true;
}();

}  // namespace
