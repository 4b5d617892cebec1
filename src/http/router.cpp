#include "http/router.h"

#include <algorithm>
#include <map>
#include <stdexcept>

#include "base/tokens.h"
#include "http/url.h"

namespace starling::http {
namespace {

struct Entry {
    std::string method;
    int route;
    std::vector<std::string> param_names;  // In the order of the path's segments.
};

// Bounds the recursion. No registered path is so deep.
constexpr size_t segments_max = 64;

bool is_param_name(std::string_view name) {
    return !name.empty() && std::ranges::all_of(name, [](char c) {
        return base::is_alphanumeric(c) || c == '_' || c == '-';
    });
}

// The name in ":name" or "{name}"; "" for a literal segment.
std::string_view param_name(std::string_view segment) {
    std::string_view name;
    if (segment.starts_with(':'))
        name = segment.substr(1);
    else if (segment.size() > 2 && segment.starts_with('{') && segment.ends_with('}'))
        name = segment.substr(1, segment.size() - 2);
    else if (segment.find_first_of(":{}*") != std::string_view::npos)
        throw std::invalid_argument("a parameter or wildcard is a whole segment of the pattern");
    else
        return {};
    if (!is_param_name(name))
        throw std::invalid_argument("malformed parameter name in the pattern");
    return name;
}

void add_method(std::vector<std::string>& methods, std::string_view method) {
    if (std::ranges::find(methods, method) == methods.end()) methods.emplace_back(method);
}

// The value of an Allow field. HEAD and OPTIONS are added.
std::string allow_of(std::vector<std::string> methods) {
    if (std::ranges::find(methods, "GET") != methods.end()) add_method(methods, "HEAD");
    add_method(methods, "OPTIONS");
    std::ranges::sort(methods);
    std::string out;
    for (const auto& method : methods) out.append(out.empty() ? "" : ", ").append(method);
    return out;
}

}  // namespace

struct Router::Node {
    std::map<std::string, std::unique_ptr<Node>, std::less<>> literals;
    std::unique_ptr<Node> param;
    std::vector<Entry> routes;     // Routes whose path ends at this node.
    std::vector<Entry> wildcards;  // Routes whose wildcard begins at this node.
};

// One lookup: walks the trie, trying the most specific branch first. Each node lies at one depth,
// so the walk visits each node at most once.
struct Router::Search {
    std::string_view method;
    Match& match;
    std::vector<std::string> methods_seen = {};  // Methods of the routes that match only the path.
    std::string_view values[segments_max] = {};  // Raw values of the parameters so far.
    size_t depth = 0, value_count = 0;

    bool accept(const std::vector<Entry>& routes, const std::string_view* rest);
    bool walk(const Node& node, std::string_view rest);
};

// `rest`: the part of the path that a wildcard matches; null without a wildcard.
bool Router::Search::accept(const std::vector<Entry>& routes, const std::string_view* rest) {
    const Entry *exact = nullptr, *get = nullptr, *any = nullptr;
    for (const Entry& route : routes) {
        if (route.method == method) exact = &route;
        if (route.method == "GET" && method == "HEAD") get = &route;
        if (route.method == "*") any = &route;
    }
    const Entry* found = exact ? exact : get ? get : any;
    if (!found) {
        for (const Entry& route : routes) add_method(methods_seen, route.method);
        return false;
    }
    match.outcome = Outcome::found;
    match.route = found->route;
    for (size_t i = 0; i < value_count; ++i)
        match.params.push_back({found->param_names[i], *percent_decode(values[i])});
    if (rest) match.params.push_back({"*", *percent_decode(*rest)});
    return true;
}

// `rest` begins after the slash that led to `node`.
bool Router::Search::walk(const Node& node, std::string_view rest) {
    if (++depth <= segments_max) {
        const size_t slash = rest.find('/');
        const bool last = slash == std::string_view::npos;
        const auto segment = rest.substr(0, slash);
        const auto enter = [&](const Node& child) {
            return last ? accept(child.routes, nullptr) : walk(child, rest.substr(slash + 1));
        };
        const auto plain = segment.find('%') == std::string_view::npos;
        const auto literal =
            plain ? node.literals.find(segment) : node.literals.find(*percent_decode(segment));
        if (literal != node.literals.end() && enter(*literal->second)) return true;
        if (node.param && !segment.empty()) {
            values[value_count++] = segment;
            if (enter(*node.param)) return true;
            --value_count;
        }
    }
    --depth;
    return accept(node.wildcards, &rest);
}

Router::Router() : root_(std::make_unique<Node>()) {}
Router::~Router() = default;
Router::Router(Router&&) noexcept = default;
Router& Router::operator=(Router&&) noexcept = default;

void Router::add(std::string_view method, std::string_view pattern, int route) {
    if (!base::is_token(method)) throw std::invalid_argument("a route's method is a token");
    if (pattern.empty() || pattern.front() != '/')
        throw std::invalid_argument("a route's pattern begins with '/'");
    if (static_cast<size_t>(std::count(pattern.begin(), pattern.end(), '/')) > segments_max)
        throw std::invalid_argument("too many segments in the pattern");
    Node* node = root_.get();
    std::vector<Entry>* routes = nullptr;
    Entry added{std::string(method), route, {}};
    for (std::string_view rest = pattern.substr(1); !routes;) {
        const size_t slash = rest.find('/');
        const bool last = slash == std::string_view::npos;
        const auto segment = rest.substr(0, slash);
        if (segment == "*" && last) {
            routes = &node->wildcards;
            break;
        }
        if (const auto name = param_name(segment); !name.empty()) {
            added.param_names.emplace_back(name);
            if (!node->param) node->param = std::make_unique<Node>();
            node = node->param.get();
        } else {
            auto& child = node->literals[std::string(segment)];
            if (!child) child = std::make_unique<Node>();
            node = child.get();
        }
        if (last)
            routes = &node->routes;
        else
            rest.remove_prefix(slash + 1);
    }
    for (const Entry& other : *routes)
        if (other.method == method)
            throw std::invalid_argument("the route exists already: " + std::string(method) + " " +
                                        std::string(pattern));
    routes->push_back(std::move(added));
    if (method != "*") add_method(methods_, method);
}

void Router::find(std::string_view method, std::string_view raw_path, Match& match) const {
    match.outcome = Outcome::not_found;
    match.route = -1;
    match.params.clear();
    match.allow.clear();
    if (raw_path == "*" && method == "OPTIONS") {  // RFC 9110 section 9.3.7: the whole server.
        match.outcome = Outcome::options;
        match.allow = allow_of(methods_);
        return;
    }
    if (!is_routable_path(raw_path)) return;
    Search search{method, match};
    if (search.walk(*root_, raw_path.substr(1)) || search.methods_seen.empty()) return;
    match.outcome = method == "OPTIONS" ? Outcome::options : Outcome::method_not_allowed;
    match.allow = allow_of(std::move(search.methods_seen));
}

}  // namespace starling::http
