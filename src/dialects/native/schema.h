// The one definition of a POST /v1/chat request. Validation (validate.h), the `expectedSchema` of a 400 and
// the JSON Schema for OpenAPI (schema_text.h) are all made from this tree, so they cannot disagree. Names and
// meanings are OpenAI's chat API where it has them; the shapes are the contract's (docs/api.md).
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>

namespace ai_proxy::dialects::native {

enum class Kind : std::uint8_t { string, number, integer, boolean, enumeration, array, object };

// What a string must look like beyond its length.
enum class TextRule : std::uint8_t {
  any,
  identifier,  // [a-zA-Z0-9_-]
  visible,     // no control characters, none that turn the direction of text
};

inline constexpr std::int64_t kNoMinimum = std::numeric_limits<std::int64_t>::min();
inline constexpr std::int64_t kNoMaximum = std::numeric_limits<std::int64_t>::max();

struct Object;

struct Type {
  Kind kind = Kind::string;
  std::int64_t minimum = kNoMinimum;  // of a number's value, a string's characters, an array's elements
  std::int64_t maximum = kNoMaximum;
  TextRule rule = TextRule::any;
  std::span<const std::string_view> options = {};  // enumeration: the words, in the order to list them
  std::span<const std::string_view> also = {};     // enumeration: words taken but not listed
  bool names_provider = false;                     // enumeration: the options are the configured providers
  const Type* items = nullptr;                     // array; also the values of an object with free names
  const Object* object = nullptr;                  // object with these members; without it and items: free
  const Type* alternative = nullptr;               // what the value may be instead
  bool nullable = false;                           // null is a value of its own here, not "left out"
};

enum class Need : std::uint8_t { optional, required };

struct Member {
  std::string_view name;
  std::string_view description;
  Type type = {};
  Need need = Need::optional;
  std::string_view when = {};  // only when the object's `type` is this word; `need` holds only then
  bool shown = true;           // false: taken for compatibility, left out of every listing
};

struct Object {
  std::span<const Member> members;
  // Some members depend on `type`, which then is the first one: they have a `when`.
  constexpr bool by_type() const {
    return std::ranges::any_of(members, [](const Member& member) { return !member.when.empty(); });
  }
};

// Lists of words.
inline constexpr std::array<std::string_view, 4> kRoles{"system", "user", "assistant", "tool"};
inline constexpr std::array<std::string_view, 1> kRoleSynonyms{"developer"};
inline constexpr std::array<std::string_view, 7> kPartTypes{
    "text", "image_url", "input_audio", "file", "thinking", "redacted_thinking", "refusal"};
inline constexpr std::array<std::string_view, 4> kImageDetails{"low", "high", "auto", "original"};
inline constexpr std::array<std::string_view, 2> kAudioFormats{"wav", "mp3"};
inline constexpr std::array<std::string_view, 1> kFunctionOnly{"function"};
inline constexpr std::array<std::string_view, 3> kToolChoices{"none", "auto", "required"};
inline constexpr std::array<std::string_view, 3> kResponseFormats{"text", "json_object", "json_schema"};
inline constexpr std::array<std::string_view, 7> kEfforts{"none", "minimal", "low", "medium",
                                                          "high", "xhigh",   "max"};

// Types that stand in more than one place.
inline constexpr Type kText{.kind = Kind::string};
inline constexpr Type kBoolean{.kind = Kind::boolean};
inline constexpr Type kFreeObject{.kind = Kind::object};
inline constexpr Type kIdentifier{
    .kind = Kind::string, .minimum = 1, .maximum = 64, .rule = TextRule::identifier};
inline constexpr Type kFunctionName{
    .kind = Kind::string, .minimum = 1, .maximum = 256, .rule = TextRule::visible};
inline constexpr Type kFunctionWord{.kind = Kind::enumeration, .options = kFunctionOnly};
inline constexpr std::int64_t kTokensMax = 2'147'483'647;  // what the providers' own 32-bit fields hold

// messages[].content[]
inline constexpr std::array<Member, 2> kImageUrlMembers{{
    {.name = "url",
     .description = "https or http URL, or data:image/png;base64,… (png, jpeg, webp, gif)",
     .need = Need::required},
    {.name = "detail",
     .description = "How closely the model looks",
     .type = {.kind = Kind::enumeration, .options = kImageDetails}},
}};
inline constexpr Object kImageUrl{kImageUrlMembers};

inline constexpr std::array<Member, 2> kInputAudioMembers{{
    {.name = "data", .description = "The audio in base64", .need = Need::required},
    {.name = "format",
     .description = "The audio's format",
     .type = {.kind = Kind::enumeration, .options = kAudioFormats},
     .need = Need::required},
}};
inline constexpr Object kInputAudio{kInputAudioMembers};

inline constexpr std::array<Member, 3> kFileMembers{{
    {.name = "file_data", .description = "The file as a data: URI (data:application/pdf;base64,…)"},
    {.name = "file_id", .description = "A file the provider already has", .type = {.minimum = 1}},
    {.name = "filename", .description = "The file's name, for the model to see"},
}};
inline constexpr Object kFile{kFileMembers};

inline constexpr std::array<Member, 10> kPartMembers{{
    {.name = "type",
     .description = "What the part is",
     .type = {.kind = Kind::enumeration, .options = kPartTypes},
     .need = Need::required},
    {.name = "text", .description = "The text", .need = Need::required, .when = "text"},
    {.name = "image_url",
     .description = "An image",
     .type = {.kind = Kind::object, .object = &kImageUrl},
     .need = Need::required,
     .when = "image_url"},
    {.name = "input_audio",
     .description = "A sound",
     .type = {.kind = Kind::object, .object = &kInputAudio},
     .need = Need::required,
     .when = "input_audio"},
    {.name = "file",
     .description = "A document; file_data or file_id",
     .type = {.kind = Kind::object, .object = &kFile},
     .need = Need::required,
     .when = "file"},
    {.name = "thinking",
     .description = "An earlier answer's thinking, sent back unchanged (assistant only)",
     .need = Need::required,
     .when = "thinking"},
    {.name = "signature", .description = "The provider's signature of the thinking", .when = "thinking"},
    {.name = "data",
     .description = "Thinking the provider hid (assistant only)",
     .need = Need::required,
     .when = "redacted_thinking"},
    {.name = "refusal",
     .description = "An earlier refusal (assistant only)",
     .need = Need::required,
     .when = "refusal"},
    {.name = "cache_control",
     .description = "The provider's prompt cache marker, such as {\"type\":\"ephemeral\"}",
     .type = kFreeObject},
}};
inline constexpr Object kPart{kPartMembers};
inline constexpr Type kPartType{.kind = Kind::object, .object = &kPart};
inline constexpr Type kParts{.kind = Kind::array, .items = &kPartType};

// messages[].tool_calls[]
inline constexpr std::array<Member, 2> kCalledFunctionMembers{{
    {.name = "name", .description = "The called function", .type = kFunctionName, .need = Need::required},
    {.name = "arguments",
     .description = "The JSON text of an object; empty or null means {}",
     .type = {.kind = Kind::string, .alternative = &kFreeObject}},
}};
inline constexpr Object kCalledFunction{kCalledFunctionMembers};

inline constexpr std::array<Member, 4> kToolCallMembers{{
    {.name = "id", .description = "The call's id", .type = {.minimum = 1}, .need = Need::required},
    {.name = "type", .description = "Always function", .type = kFunctionWord},
    {.name = "function",
     .description = "What was called",
     .type = {.kind = Kind::object, .object = &kCalledFunction},
     .need = Need::required},
    {.name = "index",
     .description = "A leftover of streaming",
     .type = {.kind = Kind::integer},
     .shown = false},
}};
inline constexpr Object kToolCall{kToolCallMembers};
inline constexpr Type kToolCallType{.kind = Kind::object, .object = &kToolCall};

// messages[]
inline constexpr std::array<Member, 7> kMessageMembers{{
    {.name = "role",
     .description = "Who speaks; developer is taken as system",
     .type = {.kind = Kind::enumeration, .options = kRoles, .also = kRoleSynonyms},
     .need = Need::required},
    // Needed by every role but an assistant's message with tool calls: see messages.cpp.
    {.name = "content",
     .description = "Text or parts; null only for an assistant message with tool_calls",
     .type = {.kind = Kind::string, .alternative = &kParts, .nullable = true}},
    {.name = "name", .description = "Tells speakers of one role apart"},
    {.name = "tool_calls",
     .description = "The calls an assistant message made",
     .type = {.kind = Kind::array, .items = &kToolCallType}},
    {.name = "tool_call_id", .description = "Needed in a tool message: the id of the call it answers"},
    {.name = "refusal", .description = "An assistant message's refusal"},
    {.name = "cache_control",
     .description = "As on a part; marks the message's last part",
     .type = kFreeObject},
}};
inline constexpr Object kMessage{kMessageMembers};
inline constexpr Type kMessageType{.kind = Kind::object, .object = &kMessage};

// tools[]
inline constexpr std::array<Member, 4> kFunctionMembers{{
    {.name = "name",
     .description = "1 to 256 characters; goes by an alias where the provider takes fewer, or other ones",
     .type = kFunctionName,
     .need = Need::required},
    {.name = "description", .description = "What it does and when to call it"},
    {.name = "parameters", .description = "JSON Schema of the arguments", .type = kFreeObject},
    {.name = "strict", .description = "Hold the arguments to the schema", .type = kBoolean},
}};
inline constexpr Object kFunction{kFunctionMembers};

inline constexpr std::array<Member, 3> kToolMembers{{
    {.name = "type", .description = "Always function", .type = kFunctionWord, .need = Need::required},
    {.name = "function",
     .description = "The function",
     .type = {.kind = Kind::object, .object = &kFunction},
     .need = Need::required},
    {.name = "cache_control", .description = "The provider's prompt cache marker", .type = kFreeObject},
}};
inline constexpr Object kTool{kToolMembers};
inline constexpr Type kToolType{.kind = Kind::object, .object = &kTool};

// tool_choice as an object
inline constexpr std::array<Member, 1> kChosenFunctionMembers{{
    {.name = "name", .description = "One of the tools", .need = Need::required},
}};
inline constexpr Object kChosenFunction{kChosenFunctionMembers};
inline constexpr std::array<Member, 2> kNamedChoiceMembers{{
    {.name = "type", .description = "Always function", .type = kFunctionWord, .need = Need::required},
    {.name = "function",
     .description = "The function to call",
     .type = {.kind = Kind::object, .object = &kChosenFunction},
     .need = Need::required},
}};
inline constexpr Object kNamedChoice{kNamedChoiceMembers};
inline constexpr Type kNamedChoiceType{.kind = Kind::object, .object = &kNamedChoice};

// response_format
inline constexpr std::array<Member, 4> kJsonSchemaMembers{{
    {.name = "name",
     .description = "1 to 64 of a-z A-Z 0-9 _ -",
     .type = kIdentifier,
     .need = Need::required},
    {.name = "description", .description = "What the answer is for"},
    {.name = "schema", .description = "The JSON Schema", .type = kFreeObject, .need = Need::required},
    {.name = "strict", .description = "Hold the answer to the schema", .type = kBoolean},
}};
inline constexpr Object kJsonSchema{kJsonSchemaMembers};
inline constexpr std::array<Member, 2> kResponseFormatMembers{{
    {.name = "type",
     .description = "The answer's form",
     .type = {.kind = Kind::enumeration, .options = kResponseFormats},
     .need = Need::required},
    {.name = "json_schema",
     .description = "The schema the answer follows",
     .type = {.kind = Kind::object, .object = &kJsonSchema},
     .need = Need::required,
     .when = "json_schema"},
}};
inline constexpr Object kResponseFormat{kResponseFormatMembers};

// The whole request.
inline constexpr Type kStops{.kind = Kind::array, .maximum = 16, .items = &kText};
inline constexpr std::array<Member, 22> kRequestMembers{{
    // Needed unless the model's name tells the provider: see parse.cpp.
    {.name = "provider",
     .description = "Who answers; may be left out when model is provider/name, an alias or a catalogue name",
     .type = {.kind = Kind::enumeration, .names_provider = true}},
    {.name = "model",
     .description = "The model's name",
     .type = {.kind = Kind::string, .minimum = 1, .maximum = 256, .rule = TextRule::visible},
     .need = Need::required},
    {.name = "messages",
     .description = "The conversation so far, oldest first",
     .type = {.kind = Kind::array, .minimum = 1, .items = &kMessageType},
     .need = Need::required},
    {.name = "stream",
     .description = "Answer as server-sent events; ?stream=true does the same",
     .type = kBoolean},
    {.name = "temperature",
     .description = "Randomness",
     .type = {.kind = Kind::number, .minimum = 0, .maximum = 2}},
    {.name = "top_p",
     .description = "Sample from this share of the probability",
     .type = {.kind = Kind::number, .minimum = 0, .maximum = 1}},
    {.name = "top_k",
     .description = "Sample from this many tokens, where the provider knows it",
     .type = {.kind = Kind::integer, .minimum = 0, .maximum = kTokensMax}},
    {.name = "max_tokens",
     .description = "The longest answer, in tokens",
     .type = {.kind = Kind::integer, .minimum = 1, .maximum = kTokensMax}},
    {.name = "max_completion_tokens",
     .description = "Another name for max_tokens; wins over it",
     .type = {.kind = Kind::integer, .minimum = 1, .maximum = kTokensMax}},
    {.name = "stop",
     .description = "Where to stop; at most 16 texts",
     .type = {.kind = Kind::string, .alternative = &kStops}},
    {.name = "seed",
     .description = "For answers that repeat, at best effort",
     .type = {.kind = Kind::integer}},
    {.name = "presence_penalty",
     .description = "Against repeating a topic",
     .type = {.kind = Kind::number, .minimum = -2, .maximum = 2}},
    {.name = "frequency_penalty",
     .description = "Against repeating a word",
     .type = {.kind = Kind::number, .minimum = -2, .maximum = 2}},
    {.name = "tools",
     .description = "The functions the model may call",
     .type = {.kind = Kind::array, .items = &kToolType}},
    {.name = "tool_choice",
     .description = "Whether it must call one; needs tools",
     .type = {.kind = Kind::enumeration, .options = kToolChoices, .alternative = &kNamedChoiceType}},
    {.name = "parallel_tool_calls", .description = "Several calls in one answer", .type = kBoolean},
    {.name = "response_format",
     .description = "Plain text, any JSON object, or JSON by a schema",
     .type = {.kind = Kind::object, .object = &kResponseFormat}},
    {.name = "reasoning_effort",
     .description = "How much a thinking model thinks",
     .type = {.kind = Kind::enumeration, .options = kEfforts}},
    {.name = "metadata",
     .description = "Your own labels, text by name",
     .type = {.kind = Kind::object, .items = &kText}},
    {.name = "user", .description = "Your own id of the end user"},
    {.name = "service_tier", .description = "The provider's service tier, in its own word"},
    {.name = "stream_options",
     .description = "Taken and ignored: usage always comes with the end of a stream",
     .type = kFreeObject,
     .shown = false},
}};
inline constexpr Object kRequest{kRequestMembers};
inline constexpr Type kRequestType{.kind = Kind::object, .object = &kRequest};

}  // namespace ai_proxy::dialects::native
