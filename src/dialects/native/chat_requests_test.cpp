// The corpus of chat requests (data/corpora/chat-requests): each gets a verdict that its `expect` allows. The
// bodies are for the OpenAI door, so a provider is put in front. tests/corpora.chat.test.mjs sends them
// there.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "dialects/native/request_under_test.h"

namespace ai_proxy::dialects::native {
namespace {

std::string with_provider(std::string_view body) {
  std::string text(body);
  const std::size_t brace = text.find('{');
  const bool object = brace != std::string::npos && (brace == 0 || text.starts_with("\xEF\xBB\xBF{"));
  if (object && !text.contains("\"provider\"")) text.insert(brace + 1, R"("provider":"openai",)");
  return text;
}

TEST(NativeChatRequests, GetAVerdictThatTheCorpusAllows) {
  const char* shared = std::getenv("AI_PROXY_SHARED");
  const std::filesystem::path file =
      std::filesystem::path(shared != nullptr ? shared : SOURCE_DIR "/../shared") /
      "data/corpora/chat-requests/vectors.json";
  if (!std::filesystem::exists(file)) GTEST_SKIP() << "the corpora are not at hand (AI_PROXY_SHARED)";
  std::ifstream stream(file);
  const std::string text(std::istreambuf_iterator<char>(stream), {});
  json::Document document;
  // The corpus holds lone surrogates in bodies, not in its own text.
  ASSERT_FALSE(document.parse(text, json::kProviderLimits));
  std::size_t judged = 0;
  for (const json::Value vector : document.root()["cases"]) {
    const std::string_view id = vector["id"].string_or("");
    const std::string_view expect = vector["expect"].string_or(vector["expect"].raw());
    const RequestUnderTest test(with_provider(vector["body"].string_or("")));
    ++judged;
    if (test.accepted()) {
      // A name that no provider knows passes here: the 404 is the provider's to give.
      EXPECT_TRUE(expect.contains("200") || expect.contains("404")) << id << ": accepted";
      continue;
    }
    EXPECT_TRUE(expect.contains("400")) << id << ": " << test.details();
    EXPECT_TRUE(test.failure()["details"].is_object()) << id;
    EXPECT_TRUE(test.failure()["expectedSchema"]["example"].is_object()) << id;
  }
  EXPECT_EQ(judged, document.root()["cases"].size());
  EXPECT_EQ(judged, 66u);
}

TEST(NativeChatRequests, NeverTakeDirectionsFromAMember) {
  for (const char* member :
       {"api_base", "api_key", "extra_headers", "fallbacks", "proxy", "base_url", "__proto__"}) {
    const RequestUnderTest test(
        with_members("\"" + std::string(member) + "\":{\"url\":\"http://127.0.0.1:9/\"}"));
    ASSERT_TRUE(test.accepted()) << member;
    EXPECT_TRUE(test.request().extra.empty());
    ASSERT_EQ(test.warnings().size(), 1u);
    EXPECT_TRUE(test.warnings()[0].starts_with(std::string(member) + ": unknown member, ignored."));
  }
}

}  // namespace
}  // namespace ai_proxy::dialects::native
