#include "app/config/flat.h"

#include <algorithm>

#include "base/text.h"

namespace starling::app {
namespace {

// The list whose element the row is a member of; "": none.
std::string_view list_of(const Row& row) {
    const size_t brackets = row.key.find("[]");
    return brackets == std::string_view::npos ? std::string_view() : row.key.substr(0, brackets);
}

// The members of every element of `list`. A row's slot lies in the last element, so the elements are
// taken from the end.
std::vector<FlatValue> elements_of(Settings& settings, std::string_view list) {
    std::vector<std::vector<FlatValue>> elements;
    for (size_t left = list_size(settings, list); left > 0; --left) {
        const std::string element = std::string(list) + "[" + std::to_string(left - 1) + "]";
        std::vector<FlatValue>& values = elements.emplace_back();
        for (const Row& row : schema())
            if (list_of(row) == list)
                values.push_back({element + std::string(row.key.substr(list.size() + 2)), &row,
                                  describe_value(settings, row)});
        drop_last_element(settings, list);
    }
    std::vector<FlatValue> all;
    for (auto element = elements.rbegin(); element != elements.rend(); ++element)
        all.insert(all.end(), element->begin(), element->end());
    return all;
}

}  // namespace

std::vector<FlatValue> flat_settings(Settings settings) {
    std::vector<FlatValue> all;
    std::vector<std::string_view> done;
    for (const Row& row : schema()) {
        const std::string_view list = list_of(row);
        if (list.empty()) {
            all.push_back({std::string(row.key), &row, describe_value(settings, row)});
            continue;
        }
        if (std::ranges::find(done, list) != done.end()) continue;
        done.push_back(list);
        const std::vector<FlatValue> elements = elements_of(settings, list);
        all.insert(all.end(), elements.begin(), elements.end());
    }
    return all;
}

std::string schema_key(std::string_view key) {
    std::string plain;
    bool inside = false;
    for (const char c : key) {
        if (inside && base::is_digit(c)) continue;
        inside = c == '[';
        plain += c;
    }
    return plain;
}

std::string masked(const FlatValue& value) {
    if (!value.row->secret || value.text == "\"\"" || value.text == "[]") return value.text;
    return value.text.starts_with('[') ? "[\"***\"]" : "\"***\"";
}

}  // namespace starling::app
