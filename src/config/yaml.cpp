// yaml-cpp's event interface (0.7): it neither expands aliases nor builds nodes of its own, so a small file
// stays small.
#include "config/yaml.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <new>
#include <sstream>
#include <stdexcept>
#include <unordered_map>

#include "base/ascii.h"
#include "config/text.h"

namespace ai_proxy::config {
namespace {

constexpr std::size_t kDepthMax = 16;
constexpr std::size_t kNodesMax = 100'000;

Position position_of(const YAML::Mark& mark) {
  // -1: yaml-cpp does not know.
  return {.line = mark.line < 0 ? 1 : static_cast<std::size_t>(mark.line) + 1,
          .column = mark.column < 0 ? 1 : static_cast<std::size_t>(mark.column) + 1};
}

// Thrown through yaml-cpp, caught in parse_yaml.
class Refused : public std::runtime_error {
 public:
  Refused(Position where, const char* what) : std::runtime_error(what), at(where) {}
  Position at;
};

class Builder : public YAML::EventHandler {
 public:
  Builder(std::string_view name, Faults& faults) : name_(name), faults_(faults) {}

  YamlNode take_root() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override { add(node_of(Kind::null, mark)); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    throw Refused(position_of(mark), "aliases (*name) are not taken; write the value out.");
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                const std::string& value) override {
    refuse_tag(mark, tag);
    add(node_of(Kind::scalar, mark, value));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    open(Kind::sequence, mark, tag);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {
    open(Kind::map, mark, tag);
  }
  void OnMapEnd() override { close(); }

 private:
  using Kind = YamlNode::Kind;

  // A mapping or sequence whose end has not come yet.
  struct Open {
    YamlNode node;
    std::optional<YamlNode> key;                              // of a mapping: read, its value is next
    std::unordered_map<std::string, std::size_t> lines = {};  // of a mapping: where each key stands
  };

  static YamlNode node_of(Kind kind, const YAML::Mark& mark, std::string_view text = {}) {
    YamlNode node;
    node.kind = kind;
    node.at = position_of(mark);
    node.text = text;
    return node;
  }

  void refuse_tag(const YAML::Mark& mark, const std::string& tag) const {
    // "?" is a plain scalar, "!" a quoted one.
    if (!tag.empty() && tag != "?" && tag != "!")
      throw Refused(position_of(mark), "tags (!name) are not taken.");
  }

  void open(Kind kind, const YAML::Mark& mark, const std::string& tag) {
    refuse_tag(mark, tag);
    if (!open_.empty() && open_.back().node.kind == Kind::map && !open_.back().key) {
      throw Refused(position_of(mark), "a key must be a word.");
    }
    if (open_.size() == kDepthMax) throw Refused(position_of(mark), "the nesting is too deep.");
    count(position_of(mark));
    open_.push_back({.node = node_of(kind, mark), .key = {}});
  }

  void close() {
    YamlNode node = std::move(open_.back().node);
    open_.pop_back();
    place(std::move(node));
  }

  void add(YamlNode node) {
    count(node.at);
    place(std::move(node));
  }

  void place(YamlNode node) {
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    Open& top = open_.back();
    if (top.node.kind == Kind::sequence) {
      const Position at = node.at;
      top.node.members.push_back({.key = {}, .at = at, .value = std::move(node)});
    } else if (!top.key) {
      if (node.kind != Kind::scalar) throw Refused(node.at, "a key must be a word.");
      refuse_duplicate(top, node);
      top.key = std::move(node);
    } else {
      top.node.members.push_back(
          {.key = std::move(top.key->text), .at = top.key->at, .value = std::move(node)});
      top.key.reset();
    }
  }

  void refuse_duplicate(Open& map, const YamlNode& key) {
    const auto [same, fresh] = map.lines.try_emplace(key.text, key.at.line);
    if (fresh) return;
    std::string text = "the key " + shown(key.text) + " stands twice; the first time in line ";
    append_integer(text, same->second);
    faults_.add(place_of(name_, key.at), text.append("."));
  }

  void count(Position at) {
    if (++nodes_ > kNodesMax) throw Refused(at, "the file has too many entries.");
  }

  std::string_view name_;
  Faults& faults_;
  YamlNode root_;
  std::vector<Open> open_;
  std::size_t nodes_ = 0;
};

}  // namespace

std::string place_of(std::string_view file, Position at) {
  std::string place(file);
  place.push_back(':');
  append_integer(place, at.line);
  place.push_back(':');
  append_integer(place, at.column);
  return place;
}

std::optional<YamlNode> parse_yaml(std::string_view text, std::string_view name, Faults& faults) {
  text = without_byte_order_mark(text);
  if (const auto fault = find_text_fault(text)) {
    faults.add(place_of(name, fault->at), fault->text);
    return std::nullopt;
  }
  // yaml-cpp takes an unclosed quote for closed when a line break is the last it sees: a half-written file.
  text = text.substr(0, text.find_last_not_of(" \t\r\n") + 1);
  std::istringstream stream{std::string(text)};
  Builder builder(name, faults);
  try {
    YAML::Parser parser(stream);
    if (!parser.HandleNextDocument(builder)) return YamlNode{};
    YamlNode root = builder.take_root();
    Faults ignored;
    Builder second(name, ignored);
    if (parser.HandleNextDocument(second)) {
      faults.add(place_of(name, second.take_root().at),
                 "there must be one YAML document, without a second \"---\".");
      return std::nullopt;
    }
    return root;
  } catch (const Refused& refused) {
    faults.add(place_of(name, refused.at), refused.what());
  } catch (const YAML::Exception& broken) {
    faults.add(place_of(name, position_of(broken.mark)), "this is no valid YAML: " + broken.msg + ".");
  } catch (const std::bad_alloc&) {
    faults.add(place_of(name, {}), "there is not enough memory to read it.");
  } catch (const std::exception&) {
    faults.add(place_of(name, {}), "this is no valid YAML.");
  }
  return std::nullopt;
}

}  // namespace ai_proxy::config
