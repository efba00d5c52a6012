#include <algorithm>

#include "base/nearest.h"
#include "config/yaml.h"

namespace ai_proxy::config {
namespace {

using Kind = YamlNode::Kind;

std::string_view name_of(Kind kind) {
  switch (kind) {
    case Kind::null:
      return "nothing";
    case Kind::scalar:
      return "a single value";
    case Kind::sequence:
      return "a list";
    case Kind::map:
      return "a mapping";
  }
  return {};
}

}  // namespace

Section::Section(const YamlNode* node, std::string path, std::string_view file, Faults& faults)
    : path_(std::move(path)), file_(file), faults_(&faults) {
  if (node == nullptr || node->kind == Kind::null) return;
  if (node->kind == Kind::map) {
    node_ = node;
    return;
  }
  faults.add(
      place_at(node->at, path_.empty() ? "the file" : path_),
      std::string("must be a mapping (key: value lines), not ").append(name_of(node->kind)).append("."));
}

const YamlNode* Section::find(std::string_view key) {
  if (std::ranges::find(known_, key) == known_.end()) known_.push_back(key);
  if (node_ == nullptr) return nullptr;
  const auto found = std::ranges::find(node_->members, key, &YamlNode::Member::key);
  return found == node_->members.end() ? nullptr : &found->value;
}

std::optional<Text> Section::text(std::string_view key) {
  if (find(key) == nullptr) return std::nullopt;
  return text_of(*std::ranges::find(node_->members, key, &YamlNode::Member::key));
}

std::optional<Text> Section::text_of(const YamlNode::Member& member) {
  if (member.value.kind == Kind::scalar) return Text{member.value.text, place(member)};
  faults_->add(place(member),
               std::string("must be a single value, not ").append(name_of(member.value.kind)).append("."));
  return std::nullopt;
}

Section Section::section(std::string_view key) {
  return {find(key), path_of(key), file_, *faults_};
}

Section Section::section_of(const YamlNode::Member& member) {
  return {&member.value, path_of(member.key), file_, *faults_};
}

const std::vector<YamlNode::Member>& Section::members() {
  static const std::vector<YamlNode::Member> kNone;
  if (node_ == nullptr) return kNone;
  for (const YamlNode::Member& member : node_->members) known_.push_back(member.key);
  return node_->members;
}

std::string Section::path_of(std::string_view key) const {
  std::string path = path_;
  if (!path.empty()) path.push_back('.');
  const std::string name = shown(key);
  return path.append(name, 1, name.size() - 2);  // without the quotes
}

std::string Section::place_at(Position at, std::string_view path) const {
  return place_of(file_, at).append(": ").append(path);
}

std::string Section::place(std::string_view key) const {
  if (key.empty()) return place_at(node_ == nullptr ? Position{} : node_->at, path_);
  if (node_ != nullptr) {
    const auto found = std::ranges::find(node_->members, key, &YamlNode::Member::key);
    if (found != node_->members.end()) return place(*found);
  }
  return place_at(node_ == nullptr ? Position{} : node_->at, path_of(key));
}

std::string Section::place(const YamlNode::Member& member) const {
  return place_at(member.at, path_of(member.key));
}

void Section::finish() {
  if (node_ == nullptr) return;
  for (const YamlNode::Member& member : node_->members) {
    if (std::ranges::find(known_, member.key) != known_.end()) continue;
    std::string text = "there is no such key." + did_you_mean(member.key, known_) + " Known here:";
    for (const std::string_view key : known_) text.append(key == known_.front() ? " " : ", ").append(key);
    faults_->add(place(member), text.append("."));
  }
}

}  // namespace ai_proxy::config
