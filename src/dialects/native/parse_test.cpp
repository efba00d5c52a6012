#include <gtest/gtest.h>

#include "dialects/native/request_under_test.h"

namespace ai_proxy::dialects::native {
namespace {

TEST(NativeParse, TakesTheSmallestRequest) {
  const RequestUnderTest test(with_members(""));
  ASSERT_TRUE(test.accepted()) << test.failure_body();
  EXPECT_EQ(test.provider(), "openai");
  EXPECT_EQ(test.request().model, "gpt-4o");
  ASSERT_EQ(test.request().messages.size(), 1u);
  EXPECT_EQ(test.message(0).role, chat::Role::user);
  EXPECT_EQ(std::get<chat::TextPart>(test.part(0).kind).text, "hi");
  EXPECT_FALSE(test.request().stream);
  EXPECT_FALSE(test.request().max_tokens);
  EXPECT_TRUE(test.request().sampling.temperature.empty());
  EXPECT_TRUE(test.warnings().empty());
}

TEST(NativeParse, ReadsEveryPlainMemberAndKeepsNumbersAsSpelt) {
  const RequestUnderTest test(with_members(
      R"("stream":true,"temperature":0.70,"top_p":1e-1,"top_k":40,"max_tokens":100,"seed":-7,)"
      R"("presence_penalty":-2,"frequency_penalty":1.5,"parallel_tool_calls":false,"reasoning_effort":"xhigh",)"
      R"("metadata":{"z":"1", "a":"2"},"user":"u-1","service_tier":"flex","stream_options":{"include_usage":true})"));
  ASSERT_TRUE(test.accepted()) << test.failure_body();
  const chat::Request& request = test.request();
  EXPECT_TRUE(request.stream);
  EXPECT_EQ(request.sampling.temperature, "0.70");
  EXPECT_EQ(request.sampling.top_p, "1e-1");
  EXPECT_EQ(request.sampling.top_k, "40");
  EXPECT_EQ(request.max_tokens, 100);
  EXPECT_EQ(request.sampling.seed, -7);
  EXPECT_EQ(request.sampling.presence_penalty, "-2");
  EXPECT_EQ(request.sampling.frequency_penalty, "1.5");
  EXPECT_EQ(request.parallel_tool_calls, false);
  EXPECT_EQ(request.reasoning.effort, "xhigh");
  EXPECT_EQ(request.metadata, R"({"z":"1", "a":"2"})");
  EXPECT_EQ(request.user, "u-1");
  EXPECT_EQ(request.service_tier, "flex");
  EXPECT_TRUE(test.warnings().empty());
}

TEST(NativeParse, CountsNullAsLeftOut) {
  const RequestUnderTest test(with_members(
      R"("stream":null,"temperature":null,"max_tokens":null,"stop":null,"tools":null,"tool_choice":null,)"
      R"("response_format":null,"metadata":null,"seed":null,"temprature":null)"));
  ASSERT_TRUE(test.accepted()) << test.failure_body();
  EXPECT_TRUE(test.request().metadata.empty());
  EXPECT_TRUE(test.warnings().empty());
}

TEST(NativeParse, TurnsTheStreamOnByQuery) {
  EXPECT_TRUE(RequestUnderTest(with_members(""), true).request().stream);
  EXPECT_TRUE(RequestUnderTest(with_members(R"("stream":false)"), true).request().stream);
}

TEST(NativeParse, TakesStopAsTextOrList) {
  using Texts = std::vector<std::string_view>;
  EXPECT_EQ(RequestUnderTest(with_members(R"("stop":"END")")).request().sampling.stop, Texts{"END"});
  EXPECT_EQ(RequestUnderTest(with_members(R"("stop":["a","b\n"])")).request().sampling.stop,
            (Texts{"a", "b\n"}));
  EXPECT_EQ(RequestUnderTest(with_members(R"("stop":[])")).request().sampling.stop, Texts{});
  EXPECT_EQ(RequestUnderTest(with_members(R"("stop":["a",1])")).faults("stop.1"),
            "Expected string, received number");
  EXPECT_EQ(RequestUnderTest(with_members(R"("stop":5)")).faults("stop"),
            "Expected string or array, received number");
  std::string many;
  for (int i = 0; i < 17; ++i) many.append(i == 0 ? "\"s\"" : ",\"s\"");
  EXPECT_EQ(RequestUnderTest(with_members("\"stop\":[" + many + "]")).faults("stop"),
            "Array must contain at most 16 element(s), received 17");
}

TEST(NativeParse, TakesTheNewerNameOfMaxTokens) {
  EXPECT_EQ(RequestUnderTest(with_members(R"("max_completion_tokens":5)")).request().max_tokens, 5);
  const RequestUnderTest both(with_members(R"("max_tokens":9,"max_completion_tokens":5)"));
  EXPECT_EQ(both.request().max_tokens, 5);
  EXPECT_EQ(both.warnings(),
            std::vector<std::string>{"max_tokens: max_completion_tokens stands there too and wins."});
}

TEST(NativeParse, SaysRequiredForWhatIsMissing) {
  const RequestUnderTest test("{}");
  EXPECT_FALSE(test.accepted());
  EXPECT_EQ(test.details(), R"({"model":{"_errors":["Required"]},"messages":{"_errors":["Required"]},)"
                            R"("provider":{"_errors":["Required"]}})");
}

TEST(NativeParse, NeedsNoProviderWhenTheModelTells) {
  const RequestUnderTest test(R"({"model":"mistral/codestral","messages":[{"role":"user","content":"hi"}]})");
  ASSERT_TRUE(test.accepted()) << test.failure_body();
  EXPECT_EQ(test.provider(), "");
  EXPECT_EQ(RequestUnderTest(R"({"model":"x","messages":[{"role":"user","content":"hi"}]})").details(),
            R"({"provider":{"_errors":["Required"]}})");
  EXPECT_EQ(RequestUnderTest(R"({"provider":null,"model":"x","messages":[{"role":"user","content":"hi"}]})")
                .faults("provider"),
            "Required");
}

TEST(NativeParse, ListsTheProvidersAndNamesTheNearest) {
  const RequestUnderTest test(
      R"({"provider":"OpnAI","model":"x","messages":[{"role":"user","content":"hi"}]})");
  EXPECT_EQ(test.faults("provider"),
            "Invalid enum value. Expected 'openai' | 'anthropic' | 'mistral', received 'OpnAI'. Did you mean "
            "\"openai\"?");
  EXPECT_EQ(RequestUnderTest(R"({"provider":3,"model":"x","messages":[{"role":"user","content":"hi"}]})")
                .faults("provider"),
            "Expected 'openai' | 'anthropic' | 'mistral', received number");
}

TEST(NativeParse, NamesBoundsAndValue) {
  const auto fault = [](std::string_view member, std::string_view value) {
    return RequestUnderTest(with_members("\"" + std::string(member) + "\":" + std::string(value)))
        .faults(member);
  };
  EXPECT_EQ(fault("temperature", "2.1"), "Number must be between 0 and 2, received 2.1");
  EXPECT_EQ(fault("temperature", "-0.1"), "Number must be between 0 and 2, received -0.1");
  EXPECT_EQ(fault("temperature", "\"1\""), "Expected number, received string");
  EXPECT_EQ(fault("top_p", "1e400"), "Number must be between 0 and 1, received 1e400");
  EXPECT_EQ(fault("max_tokens", "0"), "Integer must be between 1 and 2147483647, received 0");
  EXPECT_EQ(fault("max_tokens", "9223372036854775808"),
            "Integer must be between 1 and 2147483647, received 9223372036854775808");
  EXPECT_EQ(fault("max_tokens", "1e308"), "Integer must be between 1 and 2147483647, received 1e308");
  EXPECT_EQ(fault("max_tokens", "1.5"), "Expected integer, received float");
  EXPECT_EQ(fault("max_tokens", "true"), "Expected number, received boolean");
  EXPECT_EQ(fault("seed", "9223372036854775808"),
            "Integer must fit in 64 bits, received 9223372036854775808");
  EXPECT_EQ(fault("frequency_penalty", "-3"), "Number must be between -2 and 2, received -3");
  EXPECT_EQ(fault("stream", "\"true\""), "Expected boolean, received string");
  EXPECT_EQ(fault("metadata", "[]"), "Expected object, received array");
  EXPECT_EQ(RequestUnderTest(with_members(R"("metadata":{"a":1})")).faults("metadata.a"),
            "Expected string, received number");
  EXPECT_EQ(fault("reasoning_effort", "\"medum\""),
            "Invalid enum value. Expected 'none' | 'minimal' | 'low' | 'medium' | 'high' | 'xhigh' | 'max', "
            "received "
            "'medum'. Did you mean \"medium\"?");
  for (const char* good : {"0", "2", "2.0", "0.5", "20e-1"})
    EXPECT_EQ(fault("temperature", good), "") << good;
  EXPECT_EQ(fault("max_tokens", "1.0"), "");
}

TEST(NativeParse, RefusesModelNamesThatDeceive) {
  const auto fault = [](std::string_view model) {
    return RequestUnderTest(R"({"provider":"openai","messages":[{"role":"user","content":"hi"}],"model":")" +
                            std::string(model) + "\"}")
        .faults("model");
  };
  const std::string invisible =
      "Control characters and characters that turn the direction of text are not allowed";
  EXPECT_EQ(fault(""), "String must contain at least 1 character(s)");
  EXPECT_EQ(fault("a\\u0000"), invisible);
  EXPECT_EQ(fault("\\u202emock"), invisible);
  EXPECT_EQ(fault("a\\u2066b"), invisible);
  EXPECT_EQ(fault("a\\u0085"), invisible);
  EXPECT_EQ(fault(std::string(257, 'x')), "String must contain at most 256 character(s), received 257");
  EXPECT_EQ(fault(std::string(256, 'x')), "");
  std::string umlauts;
  for (int i = 0; i < 256; ++i) umlauts.append("ü");
  EXPECT_EQ(fault(umlauts), "");
  EXPECT_EQ(fault("org/model:tag@1 ü"), "");
}

TEST(NativeParse, WarnsOfUnknownMembersAtEveryLevel) {
  const RequestUnderTest test(
      R"({"provider":"openai","model":"m","temprature":1,"api_key":"x","messages":[)"
      R"({"role":"user","contnt":"","content":[{"type":"text","text":"a","txt":1,"refusal":"r"}]}]})");
  ASSERT_TRUE(test.accepted()) << test.failure_body();
  EXPECT_EQ(test.warnings(),
            (std::vector<std::string>{
                "temprature: unknown member, ignored. Did you mean \"temperature\"?",
                "api_key: unknown member, ignored.",
                "messages[0].contnt: unknown member, ignored. Did you mean \"content\"?",
                "messages[0].content[0].txt: unknown member, ignored. Did you mean \"text\"?",
                "messages[0].content[0].refusal: does not go with type text, ignored.",
            }));
  EXPECT_TRUE(test.request().extra.empty());
}

TEST(NativeParse, CutsLongNamesInWarnings) {
  const RequestUnderTest test(with_members("\"" + std::string(5000, 'k') + "\":1"));
  ASSERT_EQ(test.warnings().size(), 1u);
  EXPECT_LT(test.warnings()[0].size(), 150u);
}

TEST(NativeParse, FaultsARootThatIsNoObject) {
  EXPECT_EQ(RequestUnderTest("[]").details(), R"({"_errors":["Expected object, received array"]})");
  EXPECT_EQ(RequestUnderTest("null").details(), R"({"_errors":["Expected object, received null"]})");
  EXPECT_EQ(RequestUnderTest("1").details(), R"({"_errors":["Expected object, received number"]})");
  EXPECT_EQ(RequestUnderTest("\"x\"").details(), R"({"_errors":["Expected object, received string"]})");
}

TEST(NativeParse, ListsAllFaultsButNoMoreThanAHundred) {
  std::string messages;
  for (int i = 0; i < 5000; ++i) messages.append(i == 0 ? "1" : ",1");
  const RequestUnderTest test(with_messages(messages));
  EXPECT_EQ(test.failure()["details"]["messages"].size(), 100u);
  EXPECT_EQ(test.faults("messages.99"), "Expected object, received number");
  EXPECT_EQ(test.faults(""), "There are more faults; the first 100 are listed.");

  messages.resize(100 * 2 - 1);
  const RequestUnderTest just(with_messages(messages));
  EXPECT_EQ(just.failure()["details"]["messages"].size(), 100u);
  EXPECT_EQ(just.faults(""), "");
}

TEST(NativeParse, NamesLineAndColumnOfBrokenJson) {
  const RequestUnderTest broken("{\n \"model\": ,\n}");
  EXPECT_EQ(broken.faults(""), "Invalid JSON: Invalid value at line 2, column 11");
  EXPECT_EQ(broken.failure()["error"].string(), "Invalid request");
  EXPECT_TRUE(broken.failure()["expectedSchema"]["structure"].is_object());
  EXPECT_EQ(RequestUnderTest("").faults(""), "Invalid JSON: The document is empty at line 1, column 1");
}

TEST(NativeParse, NamesThePathOfADuplicate) {
  const RequestUnderTest test("{\"messages\":[{\"role\":\"user\",\n\"r\\u006fle\":\"tool\"}]}");
  EXPECT_EQ(test.faults(""),
            "The member \"role\" stands twice in one object (messages[0].role) at line 2, column 13");
}

}  // namespace
}  // namespace ai_proxy::dialects::native
