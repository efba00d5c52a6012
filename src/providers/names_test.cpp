// The names of wire.md 1.1 and the catalogue's, as they go out.
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "providers/provider.h"

namespace ai_proxy::providers {
namespace {

struct Row {
  std::string_view catalog, written, wire;
};

class WireModel : public testing::TestWithParam<Row> {};

TEST_P(WireModel, IsWhatTheProviderTakes) {
  EXPECT_EQ(wire_model(GetParam().catalog, GetParam().written), GetParam().wire);
}

INSTANTIATE_TEST_SUITE_P(SeedNames, WireModel,
                         testing::Values(Row{"openai", "gpt-4o", "gpt-4o"},
                                         Row{"openai", "gpt-4o-mini", "gpt-4o-mini"},
                                         Row{"openai", "gpt-4-turbo", "gpt-4-turbo"},
                                         Row{"openai", "gpt-4", "gpt-4"},
                                         Row{"openai", "gpt-3.5-turbo", "gpt-3.5-turbo"},
                                         Row{"openai", "o1", "o1"}, Row{"openai", "o1-mini", "o1-mini"},
                                         Row{"openai", "o3", "o3"}, Row{"openai", "o3-mini", "o3-mini"},
                                         Row{"anthropic", "claude-sonnet-4-5", "claude-sonnet-4-5"},
                                         Row{"anthropic", "claude-haiku-4-5", "claude-haiku-4-5"},
                                         Row{"anthropic", "claude-opus-4-1", "claude-opus-4-1"},
                                         Row{"anthropic", "claude-sonnet-4", "claude-sonnet-4-0"},
                                         Row{"anthropic", "claude-3-7-sonnet", "claude-3-7-sonnet-latest"},
                                         Row{"mistral", "mistral-large", "mistral-large-latest"},
                                         Row{"mistral", "mistral-small", "mistral-small-latest"},
                                         Row{"mistral", "mistral-medium", "mistral-medium"},
                                         Row{"mistral", "mistral-nemo", "open-mistral-nemo"},
                                         Row{"mistral", "pixtral-12b", "pixtral-12b"},
                                         Row{"mistral", "codestral", "codestral-latest"}));

INSTANTIATE_TEST_SUITE_P(Siblings, WireModel,
                         testing::Values(Row{"anthropic", "claude-opus-4", "claude-opus-4-0"},
                                         Row{"anthropic", "claude-3-5-sonnet", "claude-3-5-sonnet-latest"},
                                         Row{"anthropic", "claude-3.5-haiku", "claude-3-5-haiku-latest"},
                                         Row{"anthropic", "claude-3-haiku", "claude-3-haiku-20240307"},
                                         Row{"anthropic", "claude-opus-4.5", "claude-opus-4-5"},
                                         Row{"anthropic", "claude-sonnet-5.0", "claude-sonnet-5"},
                                         Row{"mistral", "ministral-8b", "ministral-8b-latest"},
                                         Row{"mistral", "magistral-medium", "magistral-medium-latest"},
                                         Row{"mistral", "mixtral-8x7b", "open-mixtral-8x7b"},
                                         Row{"openai", "gpt-5-chat", "gpt-5-chat-latest"}));

INSTANTIATE_TEST_SUITE_P(Unchanged, WireModel,
                         testing::Values(Row{"openai", "gpt-9-nova", "gpt-9-nova"}, Row{"openai", "", ""},
                                         Row{"openai", "mistral-large", "mistral-large"},
                                         Row{"", "mistral-large", "mistral-large"},
                                         Row{"openai", "ft:gpt-4o:org::1", "ft:gpt-4o:org::1"},
                                         Row{"anthropic", "claude-opus-4-6", "claude-opus-4-6"},
                                         Row{"anthropic", "claude-sonnet-4-20250514",
                                             "claude-sonnet-4-20250514"},
                                         Row{"mistral", "mistral-large-2512", "mistral-large-2512"}));

TEST(WireModelTable, NeverSendsANameThatWouldBeRenamedAgain) {
  const auto catalog = pricing::Catalog::built_in();
  for (const pricing::Model& model : catalog->models()) {
    for (const std::string_view name :
         {std::string_view(model.id),
          std::string_view(model.aliases.empty() ? model.id : model.aliases.front())}) {
      const std::string_view wire = wire_model(model.provider, name);
      EXPECT_EQ(wire_model(model.provider, wire), wire);
    }
  }
}

// Whatever we send, the catalogue must still know it: else it would go out unpriced.
TEST(WireModelTable, KeepsTheCatalogueEntry) {
  const auto catalog = pricing::Catalog::built_in();
  for (const pricing::Model& model : catalog->models()) {
    const std::string wire(wire_model(model.provider, model.id));
    EXPECT_EQ(catalog->find(model.provider, wire), catalog->find(model.provider, model.id))
        << model.id << " -> " << wire;
    for (const std::string& alias : model.aliases) {
      const std::string sent(wire_model(model.provider, alias));
      EXPECT_EQ(catalog->find(model.provider, sent), catalog->find(model.provider, alias))
          << alias << " -> " << sent;
    }
  }
}

}  // namespace
}  // namespace ai_proxy::providers
