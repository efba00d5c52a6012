// The configuration file as a tree whose every node knows its place. yaml-cpp reads; this bounds what it may
// build, refuses what makes a file say something else than it seems to (duplicate keys, aliases, tags,
// several documents), and hands out values so that whatever nobody asked for is found.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/faults.h"
#include "config/text.h"

namespace ai_proxy::config {

struct YamlNode {
  enum class Kind : std::uint8_t { null, scalar, sequence, map };
  struct Member;

  Kind kind = Kind::null;
  Position at = {};
  std::string text = {};        // scalar
  std::vector<Member> members;  // map; a sequence's elements have empty keys
};

struct YamlNode::Member {
  std::string key;
  Position at;  // of the key
  YamlNode value;
};

// A null root for an empty file. When the text is no YAML at all, nullopt and one fault; other faults do not
// stop the reading. `name` is what messages call the file.
std::optional<YamlNode> parse_yaml(std::string_view text, std::string_view name, Faults& faults);

// "config.yaml:12:3"
std::string place_of(std::string_view file, Position at);

// A mapping being read. Ask for every key it may have, then call finish(). The keys asked for must outlive
// it.
class Section {
 public:
  // `node` may be null (absent): then nothing is in it. `path` is "" for the root.
  Section(const YamlNode* node, std::string path, std::string_view file, Faults& faults);

  bool present() const { return node_ != nullptr; }  // stands in the file, and not as null
  // A scalar; a fault and nullopt for anything else. A null is a fault too: it says neither yes nor no.
  std::optional<Text> text(std::string_view key);
  // A mapping, or absent.
  Section section(std::string_view key);
  // All members, for sections whose keys are names; they then count as asked for.
  const std::vector<YamlNode::Member>& members();
  Section section_of(const YamlNode::Member& member);
  std::optional<Text> text_of(const YamlNode::Member& member);
  const YamlNode* find(std::string_view key);

  // "config.yaml:12:3: limits.body", for a key of this section or (empty) for the section itself.
  std::string place(std::string_view key = {}) const;
  std::string place(const YamlNode::Member& member) const;
  const std::string& path() const { return path_; }

  // Faults for the keys nobody asked for.
  void finish();

 private:
  std::string path_of(std::string_view key) const;
  std::string place_at(Position at, std::string_view path) const;

  const YamlNode* node_ = nullptr;
  std::string path_;
  std::string_view file_;
  Faults* faults_;
  std::vector<std::string_view> known_;
};

}  // namespace ai_proxy::config
