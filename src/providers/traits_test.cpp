// What the models accept, against the recorded refusals of wire.md 2.3, 3.2 and 4.2.
#include <gtest/gtest.h>

#include <string>

#include "providers/capability.h"
#include "providers/provider.h"

namespace ai_proxy::providers {
namespace {

using chat::ModelTraits;
using chat::SystemRole;
using chat::ThinkingStyle;

ModelTraits traits(std::string_view catalog, std::string_view model) {
  return model_traits(catalog, model, *pricing::Catalog::built_in());
}

std::string efforts(std::string_view catalog, std::string_view model) {
  std::string text;
  for (const std::string_view word : traits(catalog, model).efforts) text.append(word).append(" ");
  return text;
}

TEST(OpenAiTraits, OSeriesTakesNoSamplers) {
  for (const std::string_view model :
       {"o1", "o1-2024-12-17", "o1-pro", "o3", "o3-2025-04-16", "o3-mini", "o4-mini"}) {
    EXPECT_FALSE(traits("openai", model).samplers) << model;
    EXPECT_EQ(traits("openai", model).system_role, SystemRole::developer) << model;
    EXPECT_EQ(efforts("openai", model), "low medium high ") << model;
    EXPECT_FALSE(traits("openai", model).parallel_tool_calls) << model;
  }
  EXPECT_TRUE(traits("openai", "o3-mini").stop);
  EXPECT_FALSE(traits("openai", "o3").stop);
  EXPECT_FALSE(traits("openai", "o4-mini-2025-04-16").stop);
}

TEST(OpenAiTraits, O1MiniTakesNeitherSystemNorDeveloper) {
  EXPECT_EQ(traits("openai", "o1-mini").system_role, SystemRole::user);
  EXPECT_EQ(traits("openai", "o1-mini-2024-09-12").system_role, SystemRole::user);
  EXPECT_EQ(traits("openai", "o1-preview").system_role, SystemRole::user);
  EXPECT_EQ(traits("openai", "o1-mini").thinking, ThinkingStyle::none);
}

TEST(OpenAiTraits, Gpt5HasMinimalAndNoSamplers) {
  for (const std::string_view model : {"gpt-5", "gpt-5-mini", "gpt-5-nano", "gpt-5-2025-08-07"}) {
    EXPECT_EQ(efforts("openai", model), "minimal low medium high ") << model;
    EXPECT_FALSE(traits("openai", model).samplers) << model;
    EXPECT_FALSE(traits("openai", model).stop) << model;
    EXPECT_EQ(traits("openai", model).default_effort, "medium") << model;
    EXPECT_TRUE(traits("openai", model).tools_with_effort) << model;
  }
  EXPECT_EQ(efforts("openai", "gpt-5-pro"), "high ");
  EXPECT_TRUE(traits("openai", "gpt-5-chat-latest").samplers);
  EXPECT_EQ(traits("openai", "gpt-5-chat-latest").thinking, ThinkingStyle::none);
}

TEST(OpenAiTraits, FromGpt51OnSamplersGoWithEffortNone) {
  for (const std::string_view model :
       {"gpt-5.1", "gpt-5.2-2025-12-11", "gpt-5.4", "gpt-5.4-nano", "gpt-5.5", "gpt-5.6", "gpt-5.6-sol",
        "gpt-5.6-terra", "gpt-5.6-luna", "gpt-6-sol", "gpt-6-luna"}) {
    EXPECT_TRUE(traits("openai", model).samplers) << model;
    EXPECT_TRUE(traits("openai", model).samplers_without_effort) << model;
    EXPECT_TRUE(efforts("openai", model).starts_with("none ")) << model;
  }
  EXPECT_EQ(traits("openai", "gpt-5.4").default_effort, "none");
  EXPECT_EQ(traits("openai", "gpt-5.5").default_effort, "medium");
  EXPECT_EQ(traits("openai", "gpt-5.6-sol").default_effort, "medium");
}

TEST(OpenAiTraits, ModelsWithoutNoneNeverTakeSamplers) {
  for (const std::string_view model :
       {"gpt-6-astra", "gpt-6.1-sol", "gpt-6.2-astra", "gpt-5.2-pro", "gpt-5.3-codex"}) {
    EXPECT_FALSE(traits("openai", model).samplers) << model;
    EXPECT_FALSE(efforts("openai", model).starts_with("none")) << model;
  }
}

TEST(OpenAiTraits, ToolsNeedEffortNoneFromGpt54On) {
  EXPECT_TRUE(traits("openai", "gpt-5.2").tools_with_effort);
  for (const std::string_view model : {"gpt-5.4", "gpt-5.5", "gpt-5.6-terra", "gpt-6-luna", "gpt-6-astra"}) {
    EXPECT_FALSE(traits("openai", model).tools_with_effort) << model;
  }
}

TEST(OpenAiTraits, OlderModelsKeepEverythingAndDoNotThink) {
  const ModelTraits traits_4o = traits("openai", "gpt-4o");
  EXPECT_EQ(traits_4o.thinking, ThinkingStyle::none);
  EXPECT_EQ(traits_4o.system_role, SystemRole::system);
  EXPECT_TRUE(traits_4o.samplers && traits_4o.stop && traits_4o.penalties && traits_4o.json_schema &&
              traits_4o.images);
  EXPECT_EQ(traits_4o.max_output_tokens, 16'384);
  EXPECT_EQ(traits_4o.context_tokens, 128'000);
  EXPECT_FALSE(traits("openai", "gpt-4").images);
  EXPECT_TRUE(traits("openai", "gpt-4-turbo").images);
  EXPECT_FALSE(traits("openai", "gpt-3.5-turbo-0125").json_schema);
  EXPECT_FALSE(traits("openai", "gpt-4o-search-preview").samplers);
  EXPECT_FALSE(traits("openai", "gpt-4o-mini-search-preview-2025-03-11").samplers);
}

TEST(OpenAiTraits, FineTunedModelsAreAsTheirBase) {
  EXPECT_FALSE(traits("openai", "ft:o4-mini-2025-04-16:org::a").samplers);
  EXPECT_FALSE(traits("openai", "ft:gpt-3.5-turbo:org::a").images);
}

TEST(OpenAiTraits, LaterModelsOfAKnownLineAreTakenAsThinking) {
  EXPECT_TRUE(traits("openai", "gpt-5.9-nova").samplers_without_effort);
  EXPECT_EQ(traits("openai", "gpt-6.7-sol").system_role, SystemRole::developer);
  // A longer number is another family.
  EXPECT_EQ(traits("openai", "gpt-55").system_role, SystemRole::system);
}

TEST(AnthropicTraits, GoByGeneration) {
  EXPECT_EQ(traits("anthropic", "claude-3-5-sonnet-20241022").thinking, ThinkingStyle::none);
  EXPECT_EQ(traits("anthropic", "claude-3-7-sonnet-latest").thinking, ThinkingStyle::budget);
  EXPECT_EQ(traits("anthropic", "claude-sonnet-4-0").thinking, ThinkingStyle::budget);
  EXPECT_EQ(traits("anthropic", "claude-opus-4-5-20251101").thinking, ThinkingStyle::budget);
  EXPECT_EQ(traits("anthropic", "claude-haiku-4-5").thinking, ThinkingStyle::budget);
  for (const std::string_view model :
       {"claude-opus-4-6", "claude-sonnet-4-6", "claude-opus-4-8", "claude-sonnet-5", "claude-opus-5-5",
        "claude-fable-5-2", "claude-haiku-5-5", "claude-opus-4-9"}) {
    EXPECT_EQ(traits("anthropic", model).thinking, ThinkingStyle::adaptive) << model;
    EXPECT_FALSE(traits("anthropic", model).prefill) << model;
  }
}

TEST(AnthropicTraits, TemperatureAndTopPTogetherEndWithOpus41) {
  for (const std::string_view model :
       {"claude-3-haiku-20240307", "claude-sonnet-4-20250514", "claude-opus-4-0"}) {
    EXPECT_TRUE(traits("anthropic", model).temperature_with_top_p) << model;
  }
  for (const std::string_view model :
       {"claude-opus-4-1-20250805", "claude-sonnet-4-5", "claude-haiku-4-5-20251001"}) {
    EXPECT_FALSE(traits("anthropic", model).temperature_with_top_p) << model;
    EXPECT_FALSE(traits("anthropic", model).temperature_only_one) << model;
    EXPECT_TRUE(traits("anthropic", model).top_k) << model;
    EXPECT_TRUE(traits("anthropic", model).prefill) << model;
  }
}

TEST(AnthropicTraits, AfterOpus46TemperatureIsOneAndTopKIsGone) {
  EXPECT_FALSE(traits("anthropic", "claude-opus-4-6").temperature_only_one);
  EXPECT_FALSE(traits("anthropic", "claude-sonnet-4-6").temperature_only_one);
  for (const std::string_view model :
       {"claude-opus-4-7", "claude-opus-5", "claude-sonnet-5", "claude-fable-5"}) {
    EXPECT_TRUE(traits("anthropic", model).temperature_only_one) << model;
    EXPECT_FALSE(traits("anthropic", model).top_k) << model;
  }
}

TEST(AnthropicTraits, EffortWordsAreThoseOfTheModelsList) {
  EXPECT_EQ(efforts("anthropic", "claude-sonnet-4-5"), "");
  EXPECT_EQ(efforts("anthropic", "claude-opus-4-5"), "low medium high ");
  EXPECT_EQ(efforts("anthropic", "claude-opus-4-6"), "low medium high max ");
  EXPECT_EQ(efforts("anthropic", "claude-opus-4-7"), "low medium high xhigh max ");
}

TEST(AnthropicTraits, CeilingsComeFromTheCatalogue) {
  EXPECT_EQ(traits("anthropic", "claude-opus-4-1").max_output_tokens, 32'000);
  EXPECT_EQ(traits("anthropic", "claude-haiku-4-5-20251001").max_output_tokens, 64'000);
  EXPECT_EQ(traits("anthropic", "claude-opus-5").max_output_tokens, 128'000);
  EXPECT_EQ(traits("anthropic", "claude-3-5-haiku-latest").max_output_tokens, 8'192);
}

TEST(AnthropicTraits, StructuredOutputBeginsWithOpus41) {
  EXPECT_FALSE(traits("anthropic", "claude-sonnet-4-20250514").json_schema);
  EXPECT_TRUE(traits("anthropic", "claude-opus-4-1").json_schema);
  EXPECT_TRUE(traits("anthropic", "claude-haiku-4-5").json_schema);
}

TEST(MistralTraits, ThinkOnlyWhereTheModelCan) {
  EXPECT_EQ(efforts("mistral", "mistral-small-latest"), "none high ");
  EXPECT_EQ(efforts("mistral", "mistral-medium-latest"), "none high ");
  EXPECT_EQ(traits("mistral", "mistral-small-2506").thinking, ThinkingStyle::none);
  EXPECT_EQ(traits("mistral", "mistral-large-latest").thinking, ThinkingStyle::none);
  EXPECT_EQ(traits("mistral", "magistral-medium-latest").thinking, ThinkingStyle::none);
  EXPECT_TRUE(traits("mistral", "mistral-large-latest").samplers);
}

TEST(MistralTraits, ReadImagesWhereTheListSaysVision) {
  EXPECT_TRUE(traits("mistral", "mistral-large-latest").images);
  EXPECT_TRUE(traits("mistral", "pixtral-12b").images);
  EXPECT_TRUE(traits("mistral", "ministral-3b-latest").images);
  EXPECT_FALSE(traits("mistral", "codestral-latest").images);
  EXPECT_FALSE(traits("mistral", "open-mistral-nemo").images);
  EXPECT_FALSE(traits("mistral", "mistral-large-2411").images);
}

TEST(MistralTraits, ShareTheContextWithTheAnswer) {
  EXPECT_EQ(traits("mistral", "mistral-large-latest").context_tokens, 262'144);
  EXPECT_EQ(traits("mistral", "mistral-large-latest").max_output_tokens, 0);
}

TEST(UnknownModels, GetTheMostPermissiveTraits) {
  const ModelTraits openai = traits("openai", "some-new-model");
  EXPECT_TRUE(openai.samplers && openai.stop && openai.penalties && openai.json_schema && openai.images);
  EXPECT_TRUE(openai.efforts.empty());
  EXPECT_EQ(openai.thinking, ThinkingStyle::effort);
  EXPECT_EQ(openai.max_output_tokens, 0);
  EXPECT_TRUE(traits("anthropic", "some-new-model").top_k);
  EXPECT_TRUE(traits("anthropic", "some-new-model").temperature_with_top_p);
  EXPECT_TRUE(traits("", "llama3").samplers);
}

TEST(CapabilityTable, HasARowForEveryChatModelOfTheCatalogue) {
  const auto row_exists = [](std::string_view catalog, std::string_view model) {
    const ModelTraits known = traits(catalog, model);
    const ModelTraits unknown = model_traits(catalog, "no-such-model", *pricing::Catalog::built_in());
    // The permissive row is the only one that thinks without a list of efforts, but for later models of a
    // line.
    return known.thinking != unknown.thinking || !known.efforts.empty() || catalog == "mistral";
  };
  for (const pricing::Model& model : pricing::Catalog::built_in()->models()) {
    if (model.mode == "chat") EXPECT_TRUE(row_exists(model.provider, model.id)) << model.id;
  }
}

TEST(CapabilityTable, NamesNoFamilyTwice) {
  for (const auto& table : {kOpenAiCapabilities, kAnthropicCapabilities, kMistralCapabilities}) {
    for (std::size_t i = 0; i < table.size(); ++i) {
      for (std::size_t j = i + 1; j < table.size(); ++j) EXPECT_NE(table[i].family, table[j].family);
    }
  }
}

}  // namespace
}  // namespace ai_proxy::providers
