// What Mistral's models accept on /v1/chat/completions. Sources: GET /v1/models of 2025-12 and mid-2026
// (vision: recorded), wire.md 4.2 (reasoning_effort: high and none; recorded on mistral-small-latest).
#include <array>

#include "providers/capability.h"

namespace ai_proxy::providers {
namespace {

using chat::ThinkingStyle;

constexpr std::array kRows = std::to_array<Capability>({
    // Answer at once, or think when asked to.
    {.family = "mistral-small-latest", .thinking = ThinkingStyle::effort, .efforts = "none high"},
    {.family = "mistral-small-2603", .thinking = ThinkingStyle::effort, .efforts = "none high"},
    {.family = "mistral-small-4", .thinking = ThinkingStyle::effort, .efforts = "none high"},
    {.family = "mistral-medium", .thinking = ThinkingStyle::effort, .efforts = "none high"},
    {.family = "mistral-large-4", .thinking = ThinkingStyle::effort},
    {.family = "zai-glm", .thinking = ThinkingStyle::effort, .images = false},

    // Older ones of the same names do not think.
    {.family = "mistral-medium-2312", .json_schema = false, .images = false},
    {.family = "mistral-medium-2505"},
    {.family = "mistral-medium-2508"},
    {.family = "mistral-medium-3-1"},
    {.family = "mistral-small"},
    {.family = "mistral-small-2402", .json_schema = false, .images = false},
    {.family = "mistral-small-2409", .images = false},
    {.family = "mistral-small-2501", .images = false},
    {.family = "mistral-large"},
    {.family = "mistral-large-2402", .json_schema = false, .images = false},
    {.family = "mistral-large-2407", .images = false},
    {.family = "mistral-large-2411", .images = false},
    {.family = "ministral"},
    {.family = "ministral-3b-2410", .images = false},
    {.family = "ministral-8b-2410", .images = false},

    // Always think; there is no effort to choose.
    {.family = "magistral"},
    {.family = "magistral-medium-2506", .images = false},
    {.family = "magistral-medium-2507", .images = false},
    {.family = "magistral-small-2506", .images = false},
    {.family = "magistral-small-2507", .images = false},

    {.family = "pixtral"},
    {.family = "codestral", .images = false},
    {.family = "devstral", .images = false},
    {.family = "devstral-small-latest"},
    {.family = "labs-devstral-small-2512"},
    {.family = "mistral-saba", .images = false},
    {.family = "mistral-tiny", .images = false},
    {.family = "open-mistral", .images = false},
    {.family = "open-mixtral", .images = false},
    {.family = "voxtral", .images = false},
});

}  // namespace

const std::span<const Capability> kMistralCapabilities = kRows;

}  // namespace ai_proxy::providers
