// yaml-cpp's event interface (0.7): it neither expands aliases nor builds nodes of its own, so a small file
// stays small.
#include "config/yaml.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <array>
#include <sstream>
#include <stdexcept>

#include "base/ascii.h"
#include "config/text.h"

namespace ai_proxy::config {
namespace {

constexpr std::size_t kDepthMax = 16;
constexpr std::size_t kNodesMax = 20'000;

std::string place_of(std::string_view name, std::size_t line) {
  std::string place(name);
  place.push_back(':');
  append_integer(place, line);
  return place;
}

// Thrown through yaml-cpp, caught in parse_yaml.
class Refused : public std::runtime_error {
 public:
  Refused(std::size_t at_line, const char* what) : std::runtime_error(what), line(at_line) {}
  std::size_t line;
};

class Builder : public YAML::EventHandler {
 public:
  Builder(std::string_view name, Faults& faults) : name_(name), faults_(faults) {}

  YamlNode take_root() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override { add(node_of(Kind::null, mark)); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    throw Refused(line_of(mark), "aliases (*name) are not taken; write the value out.");
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
    std::optional<YamlNode> key;  // of a mapping: read, its value is next
  };

  static std::size_t line_of(const YAML::Mark& mark) {
    return mark.line < 0 ? 1 : static_cast<std::size_t>(mark.line) + 1;
  }

  static YamlNode node_of(Kind kind, const YAML::Mark& mark, std::string_view text = {}) {
    YamlNode node;
    node.kind = kind;
    node.line = line_of(mark);
    node.text = text;
    return node;
  }

  void refuse_tag(const YAML::Mark& mark, const std::string& tag) const {
    // "?" is a plain scalar, "!" a quoted one.
    if (!tag.empty() && tag != "?" && tag != "!") throw Refused(line_of(mark), "tags (!name) are not taken.");
  }

  void open(Kind kind, const YAML::Mark& mark, const std::string& tag) {
    refuse_tag(mark, tag);
    if (!open_.empty() && open_.back().node.kind == Kind::map && !open_.back().key) {
      throw Refused(line_of(mark), "a key must be a word.");
    }
    if (open_.size() == kDepthMax) throw Refused(line_of(mark), "the nesting is too deep.");
    count(line_of(mark));
    open_.push_back({.node = node_of(kind, mark), .key = {}});
  }

  void close() {
    YamlNode node = std::move(open_.back().node);
    open_.pop_back();
    place(std::move(node));
  }

  void add(YamlNode node) {
    count(node.line);
    place(std::move(node));
  }

  void place(YamlNode node) {
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    Open& top = open_.back();
    if (top.node.kind == Kind::sequence) {
      const std::size_t line = node.line;
      top.node.members.push_back({.key = {}, .line = line, .value = std::move(node)});
    } else if (!top.key) {
      if (node.kind != Kind::scalar) throw Refused(node.line, "a key must be a word.");
      refuse_duplicate(top.node, node);
      top.key = std::move(node);
    } else {
      top.node.members.push_back(
          {.key = std::move(top.key->text), .line = top.key->line, .value = std::move(node)});
      top.key.reset();
    }
  }

  void refuse_duplicate(const YamlNode& map, const YamlNode& key) {
    const auto same = std::ranges::find(map.members, key.text, &YamlNode::Member::key);
    if (same == map.members.end()) return;
    std::string text = "the key " + shown(key.text) + " stands twice; the first time in line ";
    append_integer(text, same->line);
    faults_.add(place_of(name_, key.line), text.append("."));
  }

  void count(std::size_t line) {
    if (++nodes_ > kNodesMax) throw Refused(line, "the file has too many entries.");
  }

  std::string_view name_;
  Faults& faults_;
  YamlNode root_;
  std::vector<Open> open_;
  std::size_t nodes_ = 0;
};

}  // namespace

std::optional<YamlNode> parse_yaml(std::string_view text, std::string_view name, Faults& faults) {
  if (const auto fault = find_text_fault(text)) {
    faults.add(place_of(name, fault->line), fault->text);
    return std::nullopt;
  }
  text = without_byte_order_mark(text);
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
      faults.add(place_of(name, second.take_root().line),
                 "there must be one YAML document, without a second \"---\".");
      return std::nullopt;
    }
    return root;
  } catch (const Refused& refused) {
    faults.add(place_of(name, refused.line), refused.what());
  } catch (const YAML::Exception& broken) {
    const std::size_t line =
        broken.mark.is_null() || broken.mark.line < 0 ? 1 : static_cast<std::size_t>(broken.mark.line) + 1;
    faults.add(place_of(name, line), "this is no valid YAML: " + broken.msg + ".");
  } catch (const std::exception&) {
    faults.add(place_of(name, 1), "this is no valid YAML.");
  }
  return std::nullopt;
}

}  // namespace ai_proxy::config
