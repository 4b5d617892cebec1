#include "app/config/json_schema.h"

#include "app/config/schema.h"

#include <boost/json.hpp>

#include <algorithm>
#include <string_view>

namespace starling::app {
namespace {

namespace json = boost::json;

// "true" and "false" among the words are booleans in YAML.
json::value word_value(std::string_view word) {
    if (word == "true" || word == "false") return word == "true";
    return json::string(word);
}

json::object type_of(const Row& row) {
    const auto between = [&](double unit) {
        return json::object{{"type", "number"},
                            {"minimum", static_cast<double>(row.min) / unit},
                            {"maximum", static_cast<double>(row.max) / unit}};
    };
    switch (form_of(row)) {
        case Form::boolean: return {{"type", "boolean"}};
        case Form::integer:
            return {{"type", "integer"}, {"minimum", row.min}, {"maximum", row.max}};
        // An editor reads 0660 as a number or as a text, as its YAML has it.
        case Form::octal: return {{"type", {"string", "integer"}}, {"pattern", "^[0-7]+$"}};
        case Form::seconds: return between(1000);
        case Form::text: return {{"type", "string"}};
        case Form::texts: return {{"type", "array"}, {"items", {{"type", "string"}}}};
        case Form::word: break;
    }
    json::array words;
    for (const std::string_view word : words_of(row)) words.push_back(word_value(word));
    return {{"enum", words}};
}

json::object leaf(const Row& row) {
    json::object schema = type_of(row);
    schema["description"] = row.help;
    if (row.required) return schema;
    const std::string text = describe_default(row);
    boost::system::error_code fault;
    const json::value value = json::parse(text, fault);
    const bool is_word = form_of(row) == Form::word || form_of(row) == Form::octal;
    schema["default"] = is_word || fault ? word_value(text) : value;
    return schema;
}

json::object section(const std::string& path);

json::object member(const std::string& key) {
    if (const Row* row = find_row(key)) return leaf(*row);
    if (!is_section_list(key)) return section(key);
    json::object element = section(key + "[]");
    // An address alone is short for {address: ...}.
    if (key == "listen") element = {{"anyOf", {json::object{{"type", "string"}}, element}}};
    return {{"type", "array"}, {"items", element}};
}

json::object section(const std::string& path) {
    json::object properties;
    json::array required;
    for (const std::string_view name : names_in(path)) {
        const std::string key = (path.empty() ? "" : path + ".") + std::string(name);
        properties[name] = member(key);
        const Row* row = find_row(key);
        if (row && row->required) required.push_back(json::string(name));
    }
    json::object schema{
        {"type", "object"}, {"additionalProperties", false}, {"properties", properties}};
    if (!required.empty()) schema["required"] = required;
    return schema;
}

// Two blanks for each level, so that people can read and compare it.
void write(std::string& to, const json::value& value, size_t depth) {
    const std::string margin(2 * depth, ' ');
    if (const json::object* object = value.if_object(); object && !object->empty()) {
        to += "{\n";
        for (const auto& [name, part] : *object) {
            to += margin + "  " + json::serialize(json::value(name)) + ": ";
            write(to, part, depth + 1);
            to += &part == &std::prev(object->end())->value() ? "\n" : ",\n";
        }
        to += margin + "}";
    } else {
        to += json::serialize(value);
    }
}

}  // namespace

std::string json_schema() {
    json::object schema{{"$schema", "https://json-schema.org/draft/2020-12/schema"},
                        {"title", "starling.yaml"},
                        {"description", "The configuration of starling"}};
    for (auto& [name, part] : section("")) schema[name] = std::move(part);
    std::string text;
    write(text, schema, 0);
    return text + "\n";
}

}  // namespace starling::app
