// Findings: collects what is wrong with a recipe, each with its place, and hands it out as Errors in the order of the text.
// One owner, one thread.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "recipe/place.h"

namespace infbench::recipe {

struct Finding {
  Place place;
  Error error;         // without its source line until it is handed out
  bool shown = false;  // with it
};

class Findings {
 public:
  // The texts that Places point into. The file is source 0 and is added first; each --set and --unset follows, and the line of
  // its Places is its number: "a.yaml: --set:2:21" is in the second one, 21 bytes into "--set key=value".
  void add_file(std::string name, std::string_view text);
  int add_edit(std::string_view option, const std::string& text);

  void add(const Place& place, std::string what, std::string hint = {});
  // The same without showing the source line: of text that a terminal cannot show.
  void add_hidden(const Place& place, std::string what, std::string hint = {});

  bool empty() const { return found_.empty(); }

  // Those from the `from`-th on are taken out, as they were added: of one recipe of several in the same text. put() puts one
  // back.
  std::size_t size() const { return found_.size(); }
  std::vector<Finding> cut(std::size_t from);
  void put(Finding finding) { found_.push_back(std::move(finding)); }

  // Sorted by place, the same finding only once; of very many the first ones, and how many more there are.
  Errors take();

 private:
  struct Source {
    std::string name;
    std::vector<std::string> lines;
  };
  void show_line(Finding& finding) const;  // and the column is one of it

  std::vector<Source> sources_;
  std::vector<Finding> found_;
};

}  // namespace infbench::recipe
