#include <starling/json.h>

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/parse_options.hpp>
#include <boost/json/value_stack.hpp>

#include <random>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/json_builder.h"

namespace starling {
namespace {

uint64_t random_seed() {
    std::random_device device;
    return static_cast<uint64_t>(device()) << 32 | device();
}

}  // namespace

void base::drop_fillers(boost::json::value& root) {
    std::vector<boost::json::value*> open{&root};
    while (!open.empty()) {
        boost::json::value& value = *open.back();
        open.pop_back();
        if (auto* array = value.if_array()) {
            for (auto& item : *array)
                if (item.is_structured()) open.push_back(&item);
        } else if (auto* object = value.if_object()) {
            object->erase(table_filler);
            for (auto& member : *object)
                if (member.value().is_structured()) open.push_back(&member.value());
        }
    }
}

std::optional<boost::json::value> parse_json(std::string_view text, size_t depth_max) {
    auto value = base::read_json(text, depth_max);
    if (!value) return std::nullopt;
    return *std::move(value);
}

base::Result<boost::json::value> base::read_json(std::string_view text, size_t depth_max) {
    static thread_local base::TableDraws draws(random_seed());
    boost::json::parse_options options;
    options.max_depth = depth_max;
    boost::json::value_stack stack;
    stack.reset();
    boost::json::basic_parser<base::JsonBuilder> parser(options, stack, draws);
    boost::json::error_code fault;
    const size_t read = parser.write_some(false, text.data(), text.size(), fault);
    if (!fault && read != text.size()) fault = boost::json::error::extra_data;
    if (fault) return Failure(fault.message() + " at byte " + std::to_string(read));
    auto value = stack.release();
    if (parser.handler().fills()) base::drop_fillers(value);
    return value;
}

}  // namespace starling
