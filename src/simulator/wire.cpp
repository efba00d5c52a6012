// Ids, and which format's functions speak.
#include "simulator/wire.h"

namespace ai_proxy::simulator {
namespace {

std::string random_text(std::uint64_t seed, std::string_view prefix, int length, std::string_view alphabet) {
  std::string id(prefix);
  std::uint64_t state = seed | 1;
  for (int i = 0; i < length; ++i) {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    id.push_back(alphabet[(state >> 33) % alphabet.size()]);
  }
  return id;
}

}  // namespace

std::string id_of(std::uint64_t seed, std::string_view prefix, int length) {
  return random_text(seed, prefix, length, "0123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz");
}

std::string hexadecimal_id_of(std::uint64_t seed, std::string_view prefix, int length) {
  return random_text(seed, prefix, length, "0123456789abcdef");
}

std::string signature_of(std::string_view thinking) {
  return id_of(hash(thinking), "EvQBCkYICxgCKkA", 184) + "Ag==";
}

std::string render_whole(Format format, const Answer& answer) {
  switch (format) {
    case Format::openai_chat:
      return chat_whole(Flavour::openai, answer);
    case Format::mistral_chat:
      return chat_whole(Flavour::mistral, answer);
    case Format::anthropic_messages:
      return messages_whole(answer);
    case Format::openai_responses:
      return responses_whole(answer);
  }
  return {};
}

std::unique_ptr<Stream> make_stream(Format format, const Answer& answer) {
  switch (format) {
    case Format::openai_chat:
      return make_chat_stream(Flavour::openai, answer);
    case Format::mistral_chat:
      return make_chat_stream(Flavour::mistral, answer);
    case Format::anthropic_messages:
      return make_messages_stream(answer);
    case Format::openai_responses:
      return make_responses_stream(answer);
  }
  return nullptr;
}

}  // namespace ai_proxy::simulator
