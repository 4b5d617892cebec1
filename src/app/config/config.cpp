#include "app/config/config.h"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <span>
#include <system_error>

#include "app/closest.h"
#include "base/text.h"

namespace starling::app {
namespace {

std::string joined(const std::string& section, std::string_view name) {
    return section.empty() ? std::string(name) : section + "." + std::string(name);
}

std::string element(const std::string& key, size_t index) {
    return key + "[" + std::to_string(index) + "]";
}

// Replaces control characters, so that a file name or key fits into a one-line message.
std::string printable(std::string_view text) {
    std::string shown(text.substr(0, 1000));
    for (char& c : shown)
        if (static_cast<uint8_t>(c) < 0x20 || c == 0x7f) c = '?';
    return shown;
}

// The words of "limits.connections_max", in the order of the alphabet.
std::vector<std::string_view> words_in(std::string_view key) {
    std::vector<std::string_view> words;
    while (!key.empty()) {
        const size_t end = std::min(key.find_first_of("._[]"), key.size());
        if (end > 0) words.push_back(key.substr(0, end));
        key.remove_prefix(std::min(end + 1, key.size()));
    }
    std::ranges::sort(words);
    return words;
}

// The only key that `fits`; "": there is none, or there are several.
template <class Fits>
std::string_view only_key(Fits fits) {
    std::string_view found;
    for (const Row& row : schema()) {
        if (!fits(row.key)) continue;
        if (!found.empty()) return {};
        found = row.key;
    }
    return found;
}

// " (did you mean 'x'?)", or "". Of these the first one: the key with the same words ("log_level",
// "max_connections"); the nearest name of the section; the only key of the section's own sections, or
// of all, that ends with the name.
std::string hint_for(std::string_view wrong, const std::string& section) {
    const std::string whole = joined(section, wrong);
    const std::vector<std::string_view> words = words_in(whole);
    std::string_view meant = only_key([&](std::string_view key) { return words_in(key) == words; });
    if (!section.empty() && meant.starts_with(section + "."))
        meant.remove_prefix(section.size() + 1);
    if (meant.empty()) meant = closest(wrong, names_in(section));
    const auto ends = [&](std::string_view key) { return key.substr(key.rfind('.') + 1) == wrong; };
    if (meant.empty() && !section.empty())
        meant = only_key(
            [&](std::string_view key) { return ends(key) && key.starts_with(section + "."); });
    if (meant.empty()) meant = only_key(ends);
    return meant.empty() ? "" : " (did you mean '" + std::string(meant) + "'?)";
}

}  // namespace

bool Config::fail(const std::string& where, std::string_view what) {
    error_ = where + ": " + printable(what);
    return false;
}

bool Config::fail_at(const std::string& key, std::string_view what) {
    error_ = fault(key, what);
    return false;
}

std::string Config::fault(const std::string& key, std::string_view what) const {
    const std::string where = place_of(key);
    return (where.empty() ? "starling: key '" + key + "'" : where) + ": " + printable(what);
}

std::string Config::place_of(const std::string& key) const {
    for (std::string section = key; !section.empty();) {
        if (const auto found = places_.find(section); found != places_.end()) {
            const size_t line = found->second.rfind(": key '");  // A flag has none.
            if (section == key || line == std::string::npos) return found->second;
            return found->second.substr(0, line) + ": key '" + printable(key) + "'";
        }
        const size_t end = section.find_last_of(".[");
        section.resize(end == std::string::npos ? 0 : end);
    }
    return {};
}

std::string Config::fault_within(const std::string& section, std::string_view what) const {
    for (size_t at = 0, end = 0; at < what.size(); at = end + 1) {
        end = at;
        while (end < what.size() && (base::is_alphanumeric(what[end]) || what[end] == '_')) ++end;
        const std::string key = joined(section, what.substr(at, end - at));
        const std::string_view rest = what.substr(end);
        if (rest.starts_with('[')) {  // Perhaps an element of a list of mappings: "keys[0]".
            const std::string one = key + std::string(rest.substr(0, rest.find(']') + 1));
            if (names(one)) return fault(one, what);
        }
        if (names(key)) return fault(key, what);
    }
    return fault(section, what);
}

std::string Config::place(int line, const std::string& key) const {
    return file_name_ + ":" + std::to_string(line) + ": key '" + printable(key) + "'";
}

bool Config::read_file(const std::string& path) {
    errno = 0;
    std::ifstream file(path, std::ios::binary);
    std::string text;
    char piece[16 * 1024];
    while (file && text.size() <= yaml_bytes_max) {
        file.read(piece, sizeof piece);
        text.append(piece, static_cast<size_t>(file.gcount()));
    }
    if (!file.eof() && text.size() <= yaml_bytes_max) {
        const std::string reason =
            errno ? std::generic_category().message(errno) : "cannot be read";
        return fail("starling: cannot read configuration '" + printable(path) + "'", reason);
    }
    if (text.size() > yaml_bytes_max) {
        return fail("starling: cannot read configuration '" + printable(path) + "'",
                    "larger than " + std::to_string(yaml_bytes_max) + " bytes");
    }
    return read_text(path, text);
}

bool Config::read_text(const std::string& file_name, const std::string& text) {
    file_name_ = printable(file_name);
    const size_t slash = file_name.rfind('/');
    folder_ = slash == std::string::npos ? "" : file_name.substr(0, slash + 1);
    const YamlResult yaml = parse_yaml(text);
    if (!yaml.error.empty())
        return fail(file_name_ + ":" + std::to_string(yaml.error_line), "not valid: " + yaml.error);
    if (yaml.root.kind == Yaml::Kind::null) return true;  // The file holds only comments.
    if (yaml.root.kind != Yaml::Kind::mapping)
        return fail(file_name_ + ":" + std::to_string(yaml.root.line), "must be keys and values");
    return read_mapping(yaml.root, "", "");
}

bool Config::read_mapping(const Yaml& node, const std::string& key, const std::string& path) {
    if (node.kind == Yaml::Kind::null) return true;  // Every key of the section is commented out.
    if (node.kind != Yaml::Kind::mapping)
        return fail(place(node.line, key), "must be a mapping of keys and values");
    std::vector<std::string_view> names = names_in(path);
    for (size_t i = 0; i < node.children.size(); ++i) {
        const Yaml& member = node.children[i];
        const std::string member_key = joined(key, member.name);
        if (std::ranges::find(names, member.name) == names.end()) {
            return fail(place(member.line, member_key),
                        "is not known" + hint_for(member.name, path));
        }
        for (size_t before = 0; before < i; ++before) {
            if (node.children[before].name != member.name) continue;
            return fail(
                place(member.line, member_key),
                "appears twice (first in line " + std::to_string(node.children[before].line) + ")");
        }
        if (!read_member(member, member_key, joined(path, member.name))) return false;
    }
    return true;
}

bool Config::read_member(const Yaml& node, const std::string& key, const std::string& path) {
    places_[key] = place(node.line, key);
    if (const Row* row = find_row(path)) return read_value(node, key, *row);
    if (is_section_list(path)) return read_elements(node, key, path);
    return read_mapping(node, key, path);
}

bool Config::read_elements(const Yaml& node, const std::string& key, const std::string& path) {
    if (node.kind == Yaml::Kind::null) return true;
    if (node.kind != Yaml::Kind::list) return fail(place(node.line, key), "must be a list");
    clear_list(settings_, path);
    for (size_t i = 0; i < node.children.size(); ++i) {
        const Yaml& child = node.children[i];
        const std::string child_key = element(key, i);
        places_[child_key] = place(child.line, child_key);
        append_element(settings_, path);
        // A scalar under `listen` is short for {address: ...}.
        if (path == "listen" && child.kind == Yaml::Kind::scalar) {
            if (!read_value(child, child_key, *find_row("listen[].address"))) return false;
            continue;
        }
        if (child.kind != Yaml::Kind::mapping)
            return fail(place(child.line, child_key), "must be a mapping of keys and values");
        if (!read_mapping(child, child_key, path + "[]")) return false;
        if (!require(child, child_key, path + "[]")) return false;
    }
    return true;
}

bool Config::require(const Yaml& node, const std::string& key, const std::string& path) {
    for (std::string_view name : names_in(path)) {
        const Row* row = find_row(joined(path, name));
        if (!row || !row->required) continue;
        const bool there = std::ranges::any_of(
            node.children, [&](const Yaml& member) { return member.name == name; });
        if (!there) return fail(place(node.line, joined(key, name)), "is missing");
    }
    return true;
}

bool Config::read_value(const Yaml& node, const std::string& key, const Row& row) {
    if (!takes_list(row)) {
        // A key without a value is a fault: `root:` alone is most likely a mistake, and must not
        // switch static files off.
        if (node.kind == Yaml::Kind::null) return fail(place(node.line, key), "has no value");
        if (node.kind != Yaml::Kind::scalar)
            return fail(place(node.line, key), "must be one value: " + describe_type(row));
        auto problem = store(settings_, row, {node.text, node.quoted}, folder_);
        return problem ? fail(place(node.line, key), *problem) : true;
    }
    if (node.kind != Yaml::Kind::list && node.kind != Yaml::Kind::null)
        return fail(place(node.line, key), "must be a list");
    std::vector<Scalar> values;
    for (size_t i = 0; i < node.children.size(); ++i) {
        const Yaml& child = node.children[i];
        if (child.kind != Yaml::Kind::scalar)
            return fail(place(child.line, element(key, i)), "must be text");
        values.push_back({child.text, child.quoted});
    }
    auto problem = store_list(settings_, row, values, folder_);
    if (!problem) return true;
    return fail(place(node.children[problem->index].line, element(key, problem->index)),
                problem->text);
}

bool Config::set(std::string_view flag, std::string_view key,
                 const std::vector<std::string>& values) {
    return set_values("starling: " + std::string(flag), key, values);
}

// Sets `key` from a flag or a variable: each value is plain text, and file names are relative to
// the current folder.
bool Config::set_values(const std::string& where, std::string_view key,
                        const std::vector<std::string>& values) {
    places_[std::string(key)] = where;
    if (key == "tls_cert" || key == "tls_key") {
        (key == "tls_cert" ? settings_.tls_cert : settings_.tls_key) = values.front();
        return true;
    }
    if (key == "listen") {
        clear_list(settings_, key);
        for (size_t i = 0; i < values.size(); ++i) {
            append_element(settings_, key);
            places_[element("listen", i)] = where;
            auto problem = store(settings_, *find_row("listen[].address"), {values[i]}, "");
            if (problem) return fail(where, *problem);
        }
        return true;
    }
    const Row& row = *find_row(key);
    if (key.starts_with("gateway.routes[].")) return set_in_routes(where, row, values.front());
    if (takes_list(row)) {
        std::vector<Scalar> scalars;
        scalars.reserve(values.size());
        for (const std::string& value : values) scalars.push_back({value});
        auto problem = store_list(settings_, row, scalars, "");
        return problem ? fail(where, problem->text) : true;
    }
    auto problem = store(settings_, row, {values.front()}, "");
    return problem ? fail(where, *problem) : true;
}

}  // namespace starling::app
