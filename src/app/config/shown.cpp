// app/config/shown.cpp: the settings as JSON, for operators.
#include "app/config/schema.h"

#include <boost/json.hpp>

#include <algorithm>
#include <utility>

namespace starling::app {
namespace {

namespace json = boost::json;

constexpr const char* hidden = "***";

json::value value_of(Settings& settings, const Row& row) {
    const Slot slot = row.slot(settings);
    if (const auto* text = std::get_if<std::string*>(&slot)) {
        if (row.secret && !(*text)->empty()) return hidden;
        return json::string(**text);
    }
    if (const auto* list = std::get_if<std::vector<std::string>*>(&slot)) {
        json::array all;
        for (const std::string& one : **list)
            all.emplace_back(row.secret ? std::string(hidden) : one);
        return all;
    }
    const std::string text = describe_value(settings, row);
    boost::system::error_code no_json;  // Numbers and truth values are JSON, words are not.
    const json::value value = json::parse(text, no_json);
    return no_json || row.octal ? json::value(text) : value;
}

// Makes the objects on the way to the last name of `path`.
void put(json::object& root, std::string_view path, json::value value) {
    json::object* at = &root;
    for (size_t dot = path.find('.'); dot != std::string_view::npos; dot = path.find('.')) {
        json::value& next = (*at)[path.substr(0, dot)];
        if (!next.is_object()) next.emplace_object();
        at = &next.get_object();
        path.remove_prefix(dot + 1);
    }
    (*at)[path] = std::move(value);
}

}  // namespace

std::string shown_settings(Settings settings) {
    json::object root;
    for (const Row& row : schema())
        if (row.key.find("[]") == std::string_view::npos)
            put(root, row.key, value_of(settings, row));
    for (const std::string_view list : section_list_names()) {
        const std::string beginning = std::string(list) + "[].";
        json::array elements;
        for (; list_size(settings, list) > 0; drop_last_element(settings, list)) {
            json::object element;
            for (const Row& row : schema())
                if (row.key.starts_with(beginning))
                    put(element, row.key.substr(beginning.size()), value_of(settings, row));
            elements.push_back(std::move(element));
        }
        std::ranges::reverse(elements);
        put(root, list, std::move(elements));
    }
    return json::serialize(root);
}

}  // namespace starling::app
