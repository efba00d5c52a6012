#include "routing/route.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ai_proxy::routing {
namespace {

using testing::HasSubstr;

class Route : public testing::Test {
 protected:
  void SetUp() override {
    table.providers = providers::built_in_providers();
    for (auto& provider : table.providers) provider.keys.emplace_back("key");
    providers::Provider router;
    router.name = "router";
    router.auth = providers::AuthStyle::none;
    table.providers.push_back(router);
    table.aliases["fast"] = to({{{"openai", "gpt-4o-mini"}}});
    table.aliases["big"] = to({{{"mistral", "mistral-large"}}});
  }

  static Alias to(std::vector<std::vector<Target>> tiers) {
    Alias alias;
    alias.tiers = std::move(tiers);
    return alias;
  }

  // The ids of all candidates with their tiers: "0 openai/gpt-4o, 1 …", or the error's message.
  std::string planned(std::string_view model) {
    const auto plan = make_plan(table, *catalog, {}, model);
    if (!plan) return plan.error().message;
    std::string text;
    for (const Candidate& candidate : plan->candidates)
      text.append(text.empty() ? "" : ", ").append(std::to_string(candidate.tier) + " " + candidate.id);
    return text;
  }

  // "provider model wire", or the error's message.
  std::string found(std::string_view provider, std::string_view model) {
    const auto result = make_plan(table, *catalog, provider, model);
    if (!result) return result.error().message;
    const Candidate& first = result->candidates.front();
    return first.provider->name + " " + first.model + " " + first.wire_model;
  }

  Error error(std::string_view provider, std::string_view model) {
    const auto result = make_plan(table, *catalog, provider, model);
    EXPECT_FALSE(result);
    return result ? Error{} : result.error();
  }

  Table table;
  std::shared_ptr<const pricing::Catalog> catalog = pricing::Catalog::built_in();
};

TEST_F(Route, TakesTheProviderThatIsNamed) {
  EXPECT_EQ(found("openai", "gpt-4o"), "openai gpt-4o gpt-4o");
  EXPECT_EQ(found("mistral", "mistral-large"), "mistral mistral-large mistral-large-latest");
  EXPECT_EQ(found("anthropic", "claude-sonnet-4"), "anthropic claude-sonnet-4 claude-sonnet-4-0");
}

TEST_F(Route, PassesUnknownModelsOnUnchanged) {
  EXPECT_EQ(found("openai", "gpt-99-nova"), "openai gpt-99-nova gpt-99-nova");
  EXPECT_EQ(found("router", "meta/llama-3"), "router meta/llama-3 meta/llama-3");
  EXPECT_EQ(found("router", "openai/gpt-4o"), "router openai/gpt-4o openai/gpt-4o");
  EXPECT_EQ(found("router/mistral-large", ""), "The name of a model is missing.");
}

TEST_F(Route, TakesOffItsOwnPrefix) {
  EXPECT_EQ(found("openai", "openai/gpt-4o"), "openai gpt-4o gpt-4o");
  EXPECT_EQ(found("", "openai/gpt-4o"), "openai gpt-4o gpt-4o");
  EXPECT_EQ(found("", "mistral/mistral-small"), "mistral mistral-small mistral-small-latest");
  EXPECT_EQ(found("", "router/meta/llama-3"), "router meta/llama-3 meta/llama-3");
}

TEST_F(Route, FollowsAliases) {
  EXPECT_EQ(found("", "fast"), "openai gpt-4o-mini gpt-4o-mini");
  EXPECT_EQ(found("", "big"), "mistral mistral-large mistral-large-latest");
  EXPECT_EQ(found("openai", "fast"), "openai gpt-4o-mini gpt-4o-mini");
  // Another provider's alias says nothing about this one.
  EXPECT_EQ(found("anthropic", "fast"), "anthropic fast fast");
}

TEST_F(Route, TriesTheTiersOfAnAliasInTheirOrder) {
  table.aliases["smart"] =
      to({{{"openai", "gpt-4o", 3}, {"mistral", "mistral-large"}}, {{"anthropic", "claude-haiku-4-5"}}});
  EXPECT_EQ(planned("smart"),
            "0 openai/gpt-4o, 0 mistral/mistral-large-latest, 1 anthropic/claude-haiku-4-5");
}

TEST_F(Route, HasACandidateForEachKey) {
  table.providers.front().keys.emplace_back("second");
  EXPECT_EQ(planned("openai/gpt-4o"), "0 openai/gpt-4o, 0 openai/gpt-4o#2");
}

TEST_F(Route, PassesOverTargetsWithoutAKey) {
  table.aliases["smart"] = to({{{"openai", "gpt-4o"}}, {{"anthropic", "claude-haiku-4-5"}}});
  table.providers[0].keys.clear();
  EXPECT_EQ(planned("smart"), "0 anthropic/claude-haiku-4-5");
  table.providers[1].keys.clear();
  EXPECT_THAT(planned("smart"), testing::HasSubstr("OPENAI_API_KEY"));
}

TEST_F(Route, AddsFallbacksOfACallerAsFurtherTiers) {
  auto plan = make_plan(table, *catalog, {}, "openai/gpt-4o");
  ASSERT_TRUE(plan);
  ASSERT_TRUE(add_fallback(*plan, table, *catalog, "big"));
  ASSERT_EQ(plan->candidates.size(), 2u);
  EXPECT_EQ(plan->candidates[1].id, "mistral/mistral-large-latest");
  EXPECT_EQ(plan->candidates[1].tier, 1u);
  EXPECT_FALSE(add_fallback(*plan, table, *catalog, "nobody/x"));
}

TEST_F(Route, RefusesNamesWithoutEnd) {
  EXPECT_THAT(planned("openai/" + std::string(300, 'x')), testing::HasSubstr("at most 256 characters"));
}

TEST_F(Route, PrefersAnAliasToTheCatalogue) {
  table.aliases["gpt-4o"] = to({{{"anthropic", "claude-opus-5"}}});
  EXPECT_EQ(found("", "gpt-4o"), "anthropic claude-opus-5 claude-opus-5");
}

TEST_F(Route, PlacesBareNamesByTheCatalogue) {
  EXPECT_EQ(found("", "gpt-4o"), "openai gpt-4o gpt-4o");
  EXPECT_EQ(found("", "claude-haiku-4-5-20251001"),
            "anthropic claude-haiku-4-5-20251001 claude-haiku-4-5-20251001");
  EXPECT_EQ(found("", "claude-sonnet-4"), "anthropic claude-sonnet-4 claude-sonnet-4-0");
  EXPECT_EQ(found("", "mistral-nemo"), "mistral mistral-nemo open-mistral-nemo");
}

TEST_F(Route, EverySeedNameFindsItsProvider) {
  for (const std::string_view model :
       {"gpt-4o", "gpt-4o-mini", "gpt-4-turbo", "gpt-4", "gpt-3.5-turbo", "o1", "o1-mini", "o3", "o3-mini"}) {
    EXPECT_THAT(found("", model), testing::StartsWith("openai ")) << model;
  }
  for (const std::string_view model :
       {"claude-sonnet-4-5", "claude-haiku-4-5", "claude-opus-4-1", "claude-sonnet-4", "claude-3-7-sonnet"}) {
    EXPECT_THAT(found("", model), testing::StartsWith("anthropic ")) << model;
  }
  for (const std::string_view model :
       {"mistral-large", "mistral-small", "mistral-medium", "mistral-nemo", "pixtral-12b", "codestral"}) {
    EXPECT_THAT(found("", model), testing::StartsWith("mistral ")) << model;
  }
}

TEST_F(Route, NamesTheNearestProvider) {
  const Error wrong = error("opnai", "gpt-4o");
  EXPECT_EQ(wrong.code, ErrorCode::invalid_request);
  EXPECT_EQ(wrong.parameter, "provider");
  EXPECT_EQ(wrong.message,
            "There is no provider \"opnai\". Did you mean \"openai\"? Configured are: openai, anthropic, "
            "mistral, router.");
  EXPECT_EQ(error("", "opnai/gpt-4o").parameter, "model");
  EXPECT_THAT(found("", "opnai/gpt-4o"), HasSubstr("Did you mean \"openai\"?"));
  EXPECT_THAT(found("OpenAI", "gpt-4o"), HasSubstr("Did you mean \"openai\"?"));
}

TEST_F(Route, SaysWhatToDoWithABareNameThatNobodyKnows) {
  const Error wrong = error("", "gpt-4p");
  EXPECT_EQ(wrong.code, ErrorCode::model_not_found);
  EXPECT_EQ(wrong.parameter, "model");
  EXPECT_THAT(wrong.message,
              HasSubstr("No provider is known for the model \"gpt-4p\". Did you mean \"gpt-4"));
  EXPECT_THAT(wrong.message, HasSubstr("provider/name"));
}

TEST_F(Route, RefusesNothingAsAModel) {
  EXPECT_EQ(error("openai", "").parameter, "model");
  EXPECT_EQ(error("", "").parameter, "model");
  EXPECT_EQ(error("", "openai/").code, ErrorCode::invalid_request);
  EXPECT_EQ(error("openai", "openai/").code, ErrorCode::invalid_request);
}

TEST_F(Route, NamesTheVariableOfAMissingKey) {
  table.providers[1].keys.clear();
  for (const auto& [provider, model] :
       {std::pair{"anthropic", "claude-opus-5"}, {"", "anthropic/claude-opus-5"}, {"", "claude-opus-5"}}) {
    const Error missing = error(provider, model);
    EXPECT_EQ(missing.code, ErrorCode::provider_not_configured);
    EXPECT_THAT(missing.message, HasSubstr("ANTHROPIC_API_KEY"));
  }
}

TEST_F(Route, TakesTheOneConfiguredProviderOfACatalogue) {
  table.providers[3].catalog = "openai";
  EXPECT_EQ(found("", "gpt-4o"), "openai gpt-4o gpt-4o");  // the one of that name first
  table.providers[0].keys.clear();
  EXPECT_EQ(found("", "gpt-4o"), "router gpt-4o gpt-4o");
  providers::Provider second = table.providers[3];
  second.name = "second";
  table.providers.push_back(second);
  EXPECT_THAT(found("", "gpt-4o"), HasSubstr("served by more than one provider (router, second)"));
  EXPECT_EQ(error("", "gpt-4o").parameter, "model");
}

TEST_F(Route, QuotesWhatTheCallerWroteSafely) {
  EXPECT_THAT(found(std::string(5000, 'x'), "m"), testing::Property(&std::string::size, testing::Lt(400u)));
  EXPECT_THAT(found("a\r\nb", "m"), HasSubstr("\"a??b\""));
}

// --- where a candidate is counted
// -----------------------------------------------------------------------------------

class RouteSeries : public Route {
 protected:
  void SetUp() override {
    Route::SetUp();
    table.aliases["own"] = to({{{"router", "my-model"}}});
    table.series = Series(table, *catalog, [this](std::string_view provider, std::string_view model) {
      const std::string name = std::string(provider) + " " + std::string(model);
      const auto found = std::ranges::find(names, name);
      if (found == names.end()) names.push_back(name);
      return static_cast<std::uint32_t>(std::ranges::find(names, name) - names.begin());
    });
  }

  std::string counted(std::string_view model) {
    const auto plan = make_plan(table, *catalog, {}, model);
    return plan ? names[plan->candidates.front().series] : plan.error().message;
  }

  std::vector<std::string> names{"none"};
};

TEST_F(RouteSeries, AModelOfTheCatalogueHasOneNameWhateverItIsCalled) {
  EXPECT_EQ(counted("gpt-4o"), "openai gpt-4o");
  EXPECT_EQ(counted("openai/gpt-4o-2024-08-06"), "openai gpt-4o");
  EXPECT_EQ(counted("fast"), "openai gpt-4o-mini");
  EXPECT_EQ(counted("mistral/mistral-large"), counted("big"));
}

TEST_F(RouteSeries, WhatTheConfigurationNamesHasItsOwnAndAllElseSharesOne) {
  EXPECT_EQ(counted("own"), "router my-model");
  EXPECT_EQ(counted("router/my-model"), "router my-model");
  EXPECT_EQ(counted("router/whatever-a-caller-writes"), "router other");
  EXPECT_EQ(counted("openai/no-such-model"), "openai other");
  const std::size_t before = names.size();
  for (int i = 0; i < 1000; ++i) counted("openai/odd-" + std::to_string(i));
  EXPECT_EQ(names.size(), before);
}

TEST_F(Route, WithoutNumbersAllAreCountedUnderNone) {
  EXPECT_EQ(make_plan(table, *catalog, {}, "gpt-4o")->candidates.front().series, 0u);
}

}  // namespace
}  // namespace ai_proxy::routing
