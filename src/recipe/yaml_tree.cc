#include "recipe/yaml_tree.h"

#include <algorithm>
#include <array>
#include <map>
#include <sstream>
#include <utility>

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include "recipe/text_checks.h"

namespace infbench::recipe {
namespace {

constexpr std::size_t kMostDepth = 32;
constexpr std::size_t kMostKeys = 4096;      // of one mapping: each is compared with those before it
constexpr std::size_t kMostNodes = 100'000;  // aliases count what they stand for

// Thrown through the parser to end it; what is wrong has been written down.
struct Stop {};

// What the parser means by its messages, in our words.
std::string syntax_message(std::string_view message) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 14> kWords{{
      {"end of sequence flow not found", "expected ',' or ']' in this list"},
      {"end of map flow not found", "expected ',' or '}' in this mapping"},
      {"end of map not found", "expected a key, indented as the ones above it"},
      {"end of sequence not found", "expected a list item ('- ...'), indented as the ones above it"},
      {"illegal map value", "found ':' where no key can stand"},
      {"illegal map key", "found a key where none can stand"},
      {"illegal block entry", "found '-' where no list item can stand"},
      {"illegal flow end", "found a closing bracket without its opening one"},
      {"the referenced anchor is not defined", "this alias has no anchor before it"},
      {"unknown token", "found a character that cannot begin a value"},
      {"illegal EOF in scalar", "the text ends inside a quoted value"},
      {"illegal tab when looking for indentation", "found a tab in the indentation"},
      {"illegal document indicator in scalar", "found a document mark inside a value"},
      {"unexpected character in block scalar", "found an unexpected character after '|' or '>'"},
  }};
  for (const auto& [theirs, ours] : kWords) {
    if (message == theirs) return std::string(ours);
  }
  return std::string(message);
}

class Builder : public YAML::EventHandler {
 public:
  Builder(std::string_view text, const Place& origin, Findings& findings) : text_(text), origin_(origin), findings_(findings) {}

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ == 1) return;
    const std::string_view rest = text_.substr(std::min(text_.size(), static_cast<std::size_t>(mark.pos)));
    if (rest.starts_with("---")) {
      stop(at(mark), "found a second YAML document", "keep one recipe per file");
    }
    stop(at(mark), "found text after the end of the mapping", "indent it as the keys above it");
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Node node;
    node.place = at(mark);
    // The parser puts a value that is not there at whatever follows it.
    if (!frames_.empty() && frames_.back().key.has_value() && frames_.back().key->place.line != node.place.line) {
      node.place = frames_.back().key->place;
    }
    value(std::move(node), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) stop(at(mark), "an alias inside the value it stands for", "write the value out");
    count(found->second.second, mark);
    value(found->second.first, 0);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, const std::string& text) override {
    refuse_tag(mark, tag);
    if (tag == "!") refuse_open_quote(mark);
    Node node;
    node.kind = Node::Kind::scalar;
    node.plain = tag != "!";
    node.text = text;
    node.place = at(mark);
    if (expects_key()) return key(std::move(node));
    value(std::move(node), anchor);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value style) override {
    open(Node::Kind::list, mark, tag, anchor, style);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value style) override {
    open(Node::Kind::map, mark, tag, anchor, style);
  }
  void OnMapEnd() override { close(); }

  bool has_document() const { return documents_ > 0; }

  Tree whole() { return {std::move(root_), true}; }

  // After an error: the entries of the outermost mapping that were whole before it. The last one may have swallowed the
  // mistake.
  Tree part() {
    if (!frames_.empty()) {
      root_ = std::move(frames_.front().node);
      if (frames_.size() == 1 && !root_.entries.empty()) root_.entries.pop_back();
    }
    return {std::move(root_), false};
  }

  // Where the parser gave up; of a bracket that is not closed, the bracket.
  Place place_of(const YAML::ParserException& error) const {
    const std::string_view message = error.msg;
    const bool bracket = message == "end of sequence flow not found" || message == "end of map flow not found";
    if (bracket && !frames_.empty()) return frames_.back().node.place;
    return error.mark.is_null() ? origin_ : at(error.mark);
  }

  Place at(const YAML::Mark& mark) const {
    if (mark.line <= 0) return {origin_.source, origin_.line, origin_.column + std::max(mark.column, 0)};
    return {origin_.source, origin_.line + mark.line, mark.column + 1};
  }

 private:
  struct Frame {
    Node node;
    YAML::anchor_t anchor = 0;
    std::size_t nodes_before = 0;
    std::optional<Entry> key;  // its value comes next
    bool skipped = false;      // the value of a refused key is read over
    bool is_key = false;       // of the mapping around it
  };

  [[noreturn]] void stop(const Place& place, std::string what, std::string hint) {
    findings_.add(place, std::move(what), std::move(hint));
    throw Stop{};
  }

  void count(std::size_t nodes, const YAML::Mark& mark) {
    nodes_ += nodes;
    if (nodes_ > kMostNodes) stop(at(mark), fmt::format("more than {} values", kMostNodes), "use fewer aliases");
  }

  bool expects_key() const {
    return !frames_.empty() && frames_.back().node.kind == Node::Kind::map && !frames_.back().key.has_value();
  }

  void refuse_tag(const YAML::Mark& mark, const std::string& tag) {
    if (tag.empty() || tag == "?" || tag == "!") return;
    findings_.add(at(mark), fmt::format("tags are not supported, found '{}'", tag), "write the value without it");
  }

  // The parser takes the end of the text for a closing quote.
  void refuse_open_quote(const YAML::Mark& mark) {
    std::size_t i = static_cast<std::size_t>(mark.pos);
    if (i >= text_.size() || (text_[i] != '"' && text_[i] != '\'')) return;
    const char quote = text_[i];
    for (++i; i < text_.size(); ++i) {
      if (text_[i] == quote) return;
      if (quote == '"' && text_[i] == '\\') ++i;
    }
    stop(at(mark), fmt::format("YAML syntax: expected a closing {}, found the end of the text", quote), "close the quotes");
  }

  void open(Node::Kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
            YAML::EmitterStyle::value style) {
    refuse_tag(mark, tag);
    if (frames_.size() >= kMostDepth) stop(at(mark), fmt::format("nested more than {} levels deep", kMostDepth), {});
    count(1, mark);
    Frame frame;
    frame.node.kind = kind;
    frame.node.flow = style == YAML::EmitterStyle::Flow;
    frame.node.place = at(mark);
    frame.anchor = anchor;
    frame.nodes_before = nodes_;
    frame.is_key = expects_key();
    frames_.push_back(std::move(frame));
  }

  void close() {
    Frame frame = std::move(frames_.back());
    frames_.pop_back();
    if (frame.is_key) return refuse_key(frame.node.place);
    remember(frame.anchor, frame.node, nodes_ - frame.nodes_before + 1);
    attach(std::move(frame.node));
  }

  // Only once it is closed: before, a missing bracket is the likelier mistake.
  void refuse_key(const Place& place) {
    findings_.add(place, "expected a key of plain text, found a list or a mapping", "write key: value");
    frames_.back().skipped = true;
    frames_.back().key = Entry{{}, place, {}};
  }

  void key(Node&& node) {
    Frame& frame = frames_.back();
    if (frame.node.entries.size() >= kMostKeys) stop(node.place, fmt::format("more than {} keys in a mapping", kMostKeys), {});
    frame.skipped = node.plain && node.text == "<<";
    if (frame.skipped) {
      findings_.add(node.place, "merge keys ('<<') are not supported", "write the keys out");
    } else if (const Entry* first = frame.node.find(node.text); first != nullptr) {
      findings_.add(node.place, fmt::format("duplicate key '{}'", node.text),
                    fmt::format("it stands on line {} already", first->place.line));
    }
    frame.key = Entry{std::move(node.text), node.place, {}};
  }

  void value(Node&& node, YAML::anchor_t anchor) {
    if (expects_key()) stop(node.place, "expected a key of plain text", "write key: value");
    if (++nodes_ > kMostNodes) stop(node.place, fmt::format("more than {} values", kMostNodes), {});
    remember(anchor, node, 1);
    attach(std::move(node));
  }
  void value(const Node& node, YAML::anchor_t anchor) { value(Node(node), anchor); }

  void remember(YAML::anchor_t anchor, const Node& node, std::size_t nodes) {
    if (anchor != 0) anchors_[anchor] = {node, nodes};
  }

  void attach(Node&& node) {
    if (frames_.empty()) {
      root_ = std::move(node);
      return;
    }
    Frame& frame = frames_.back();
    if (frame.node.kind == Node::Kind::list) {
      frame.node.items.push_back(std::move(node));
      return;
    }
    frame.key->value = std::move(node);
    if (!frame.skipped) frame.node.entries.push_back(std::move(*frame.key));
    frame.key.reset();
  }

  std::string_view text_;
  Place origin_;
  Findings& findings_;
  std::vector<Frame> frames_;
  std::map<YAML::anchor_t, std::pair<Node, std::size_t>> anchors_;
  Node root_;
  int documents_ = 0;
  std::size_t nodes_ = 0;
};

// A tab in the indentation of this line or one before it explains most of the parser's complaints.
std::optional<Place> tab_before(std::string_view text, const Place& error, const Place& origin) {
  Place place{origin.source, origin.line, 0};
  for (; !text.empty() && place.line <= error.line; ++place.line) {
    const std::string_view line = text.substr(0, text.find('\n'));
    const std::size_t tab = line.find('\t');
    if (tab != std::string_view::npos && line.find_first_not_of(" \t") > tab) {
      place.column = static_cast<int>(tab) + 1;
      return place;
    }
    text.remove_prefix(std::min(text.size(), line.size() + 1));
  }
  return std::nullopt;
}

}  // namespace

const Entry* Node::find(std::string_view key) const {
  const auto found = std::ranges::find(entries, key, &Entry::key);
  return found != entries.end() ? &*found : nullptr;
}

Entry* Node::find(std::string_view key) {
  const auto found = std::ranges::find(entries, key, &Entry::key);
  return found != entries.end() ? &*found : nullptr;
}

std::optional<Tree> parse_yaml(std::string_view text, const Place& origin, Findings& findings) {
  if (!check_text(text, origin, findings)) return std::nullopt;
  Builder builder(text, origin, findings);
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
    if (!builder.has_document()) return std::nullopt;
    return builder.whole();
  } catch (const Stop&) {
  } catch (const YAML::ParserException& error) {
    const Place place = builder.place_of(error);
    if (const auto tab = tab_before(text, place, origin)) {
      findings.add(*tab, "YAML syntax: found a tab in the indentation", "indent with spaces");
    } else {
      findings.add(place, "YAML syntax: " + syntax_message(error.msg),
                   "check the quotes, brackets and indentation here and above");
    }
  } catch (const YAML::Exception& error) {
    findings.add(builder.at(error.mark), "YAML syntax: " + error.msg);
  }
  return builder.part();
}

}  // namespace infbench::recipe
