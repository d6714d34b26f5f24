#include "route/tenant_tree.h"

#include <algorithm>
#include <functional>
#include <queue>
#include <tuple>

namespace infbench::route {

TenantTree::Match TenantTree::match(std::span<const PageHash> pages) const {
  const auto found = tree_.find(pages);
  Match match{.pages = found.pages, .tenant = {}, .node = found.node};
  if (found.node != Tree::kRoot) match.tenant = tree_.payload(found.node).first;
  return match;
}

std::size_t TenantTree::pages_of(WorkerId tenant, const Match& match) const {
  // A tenant of a node is one of all nodes above it: the lowest node of the path that has it ends what it was sent.
  std::size_t below = 0;  // pages of the path that lie below `node`
  Node node = match.node;
  std::size_t above = 0;  // and above its end, this node's included
  for (Node up = node; up != Tree::kRoot; up = tree_.parent(up)) above += tree_.run(up).size();
  for (; node != Tree::kRoot; node = tree_.parent(node)) {
    if (holder(node, tenant) != nullptr) return std::min(match.pages, above - below);
    below += tree_.run(node).size();
  }
  return 0;
}

void TenantTree::insert(std::span<const PageHash> pages, std::int64_t page_chars, WorkerId tenant) {
  if (pages.empty()) return;
  const auto found = tree_.find(pages);
  Node node = found.node;
  if (node != Tree::kRoot && found.in_node < tree_.run(node).size()) {
    split(node, found.in_node);
    node = tree_.parent(node);
  }
  add_path(node, tenant);
  if (found.pages < pages.size()) {
    node = tree_.append(node, pages.subspan(found.pages));
    tree_.payload(node).first = tenant;
    tree_.payload(node).page_chars = page_chars;
    add_path(node, tenant);
  }
  known_holder(node, tenant).last_use = ++uses_;
}

void TenantTree::add_path(Node node, WorkerId tenant) {
  std::int32_t children = 0;
  for (; node != Tree::kRoot; node = tree_.parent(node), children = 1) {
    if (Holder* known = holder(node, tenant)) {
      known->children += children;
      return;
    }
    std::vector<Holder>& holders = tree_.payload(node).holders;
    const auto place = std::find_if(holders.begin(), holders.end(), [&](const Holder& each) { return tenant < each.tenant; });
    holders.insert(place, {.tenant = tenant, .children = children, .last_use = 0});
    size_of(tenant) += chars_of(node);
  }
}

void TenantTree::split(Node node, std::size_t keep) {
  const Node upper = tree_.split(node, keep);
  for (Holder& each : tree_.payload(upper).holders) each.children = 1;
}

void TenantTree::evict(std::int64_t most) {
  if (std::all_of(sizes_.begin(), sizes_.end(), [&](std::int64_t size) { return size <= most; })) return;
  using Leaf = std::tuple<std::int64_t, Node, WorkerId>;  // last use first; the rest makes the order the same everywhere
  std::priority_queue<Leaf, std::vector<Leaf>, std::greater<>> leaves;
  for (Node node = Tree::kRoot + 1; node < tree_.limit(); ++node) {
    for (const Holder& each : tree_.payload(node).holders) {
      if (each.children == 0 && size_of(each.tenant) > most) leaves.emplace(each.last_use, node, each.tenant);
    }
  }
  while (!leaves.empty()) {
    const auto [last_use, node, tenant] = leaves.top();
    leaves.pop();
    if (size_of(tenant) <= most) continue;
    const Node parent = tree_.parent(node);
    remove_holder(node, tenant);
    const Holder* above = parent == Tree::kRoot ? nullptr : holder(parent, tenant);
    if (above != nullptr && above->children == 0) leaves.emplace(above->last_use, parent, tenant);
  }
}

void TenantTree::remove(WorkerId tenant) {
  for (Node start = Tree::kRoot + 1; start < tree_.limit(); ++start) {
    // From each leaf up as far as the tenant has nothing else below.
    for (Node node = start; node != Tree::kRoot;) {
      const Holder* found = holder(node, tenant);
      if (found == nullptr || found->children > 0) break;
      const Node parent = tree_.parent(node);
      remove_holder(node, tenant);
      node = parent;
    }
  }
}

std::int64_t TenantTree::chars(WorkerId tenant) const { return tenant.value < sizes_.size() ? sizes_[tenant.value] : 0; }

TenantTree::Holder* TenantTree::holder(Node node, WorkerId tenant) {
  return const_cast<Holder*>(static_cast<const TenantTree*>(this)->holder(node, tenant));
}

TenantTree::Holder& TenantTree::known_holder(Node node, WorkerId tenant) {
  Holder* found = holder(node, tenant);
  INFBENCH_CHECK(found != nullptr);
  return *found;
}

const TenantTree::Holder* TenantTree::holder(Node node, WorkerId tenant) const {
  for (const Holder& each : tree_.payload(node).holders) {
    if (each.tenant == tenant) return &each;
  }
  return nullptr;
}

void TenantTree::remove_holder(Node node, WorkerId tenant) {
  Payload& payload = tree_.payload(node);
  const auto place =
      std::find_if(payload.holders.begin(), payload.holders.end(), [&](const Holder& each) { return each.tenant == tenant; });
  INFBENCH_CHECK(place != payload.holders.end() && place->children == 0);
  payload.holders.erase(place);
  size_of(tenant) -= chars_of(node);
  const Node parent = tree_.parent(node);
  if (parent != Tree::kRoot) --known_holder(parent, tenant).children;
  if (payload.holders.empty()) {
    tree_.remove(node);
  } else if (payload.first == tenant) {
    payload.first = payload.holders.front().tenant;
  }
}

std::int64_t TenantTree::chars_of(Node node) const {
  return static_cast<std::int64_t>(tree_.run(node).size()) * tree_.payload(node).page_chars;
}

std::int64_t& TenantTree::size_of(WorkerId tenant) {
  if (tenant.value >= sizes_.size()) sizes_.resize(tenant.value + 1, 0);
  return sizes_[tenant.value];
}

}  // namespace infbench::route
