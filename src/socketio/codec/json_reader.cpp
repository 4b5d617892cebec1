#include "socketio/codec/json_reader.h"

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/error.hpp>
#include <boost/json/parse_options.hpp>
#include <cstring>
#include <string>
#include <system_error>
#include <utility>

#include "base/json_builder.h"
#include "base/json_text.h"
#include "socketio/codec/json_events.h"

namespace starling::socketio {

using boost::json::error_code;

std::string without_lone_surrogates(std::string_view json) {
    std::string text(json);
    for (size_t at = text.find('\\'); at != std::string::npos; at = text.find('\\', at)) {
        const auto unit = base::json_unit_at(text, at);
        if (!unit) {
            at += 2;
            continue;
        }
        const auto next = base::json_unit_at(text, at + 6);
        if (*unit >= 0xd800 && *unit < 0xdc00 && next && *next >= 0xdc00 && *next < 0xe000) {
            at += 12;
            continue;
        }
        if (*unit >= 0xd800 && *unit < 0xe000) text.replace(at + 2, 4, "fffd");
        at += 6;
    }
    return text;
}

struct Arena::Parser {
    Parser(boost::json::value_stack& stack, base::TableDraws& draws,
           const boost::json::parse_options& options)
        : json(options, stack, draws) {}

    boost::json::basic_parser<base::JsonBuilder> json;
};

Arena::Arena(const DecodeLimits& limits) : limits_(limits), draws_(limits.table_seed) {
    renew_stack();
    renew_values();
    boost::json::parse_options options;
    options.max_depth = limits.depth_max;
    parser_ = std::make_unique<Parser>(*stack_, draws_, options);
}

Arena::~Arena() = default;

void Arena::renew_stack() {
    stack_.emplace(boost::json::storage_ptr(), scratch_buffer_.data(), scratch_buffer_.size());
}

// Not release(): in Boost 1.81 release() keeps the size of the next block, which doubles each time.
void Arena::renew_values() { values_.emplace(values_buffer_.data(), values_buffer_.size()); }

void Arena::clear() noexcept {
    stack_->reset();
    if (std::exchange(large_, false)) renew_stack();
    renew_values();
}

boost::json::value_stack& Arena::stack(size_t message_bytes) {
    if (message_bytes > large_bytes) large_ = true;
    stack_->reset(storage());
    return *stack_;
}

std::string_view Arena::keep(std::string_view text) {
    if (text.empty()) return {};
    auto* copy = static_cast<char*>(values_->allocate(text.size(), 1));
    std::memcpy(copy, text.data(), text.size());
    return {copy, text.size()};
}

bool Arena::parse(std::string_view text, error_code& error) {
    (void)stack(text.size());
    parser_->json.reset();
    const size_t size = parser_->json.write_some(false, text.data(), text.size(), error);
    return !error && size == text.size();
}

std::optional<Json> Arena::read_json(std::string_view text) {
    const bool is_json = accept_json(text, [this](std::string_view attempt) {
        error_code error;
        return parse(attempt, error);
    });
    if (!is_json) return std::nullopt;
    Json value = stack_->release();
    if (parser_->json.handler().fills()) base::drop_fillers(value);
    return value;
}

}  // namespace starling::socketio
