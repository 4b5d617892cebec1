#include "socketio/codec/json_reader.h"

#include <boost/json/array.hpp>
#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/error.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse_options.hpp>
#include <charconv>
#include <cstring>
#include <string>
#include <system_error>
#include <utility>

namespace starling::socketio {
namespace {

using boost::json::error_code;
using View = boost::json::string_view;

// Boost.JSON's own parser, but for doubles: that of 1.81 is off by a bit in the last place for every
// third number of 17 digits, and what JSON.stringify wrote must come back as it was.
class Handler {
public:
    static constexpr size_t max_object_size = boost::json::object::max_size();
    static constexpr size_t max_array_size = boost::json::array::max_size();
    static constexpr size_t max_key_size = boost::json::string::max_size();
    static constexpr size_t max_string_size = boost::json::string::max_size();

    explicit Handler(boost::json::value_stack& stack) : stack_(stack) {}

    bool on_document_begin(error_code&) { return true; }
    bool on_document_end(error_code&) { return true; }
    bool on_object_begin(error_code&) { return true; }
    bool on_object_end(size_t count, error_code&) { return stack_.push_object(count), true; }
    bool on_array_begin(error_code&) { return true; }
    bool on_array_end(size_t count, error_code&) { return stack_.push_array(count), true; }
    bool on_key_part(View part, size_t, error_code&) { return stack_.push_chars(part), true; }
    bool on_key(View part, size_t, error_code&) { return stack_.push_key(part), true; }
    bool on_string_part(View part, size_t, error_code&) { return stack_.push_chars(part), true; }
    bool on_string(View part, size_t, error_code&) { return stack_.push_string(part), true; }
    bool on_number_part(View, error_code&) { return true; }
    bool on_int64(int64_t number, View, error_code&) { return stack_.push_int64(number), true; }
    bool on_uint64(uint64_t number, View, error_code&) { return stack_.push_uint64(number), true; }
    bool on_double(double number, View text, error_code&) {
        double exact = number;
        const auto end = text.data() + text.size();
        const auto read = std::from_chars(text.data(), end, exact);
        // Out of range is zero or infinite, as Boost.JSON says.
        stack_.push_double(read.ec == std::errc() && read.ptr == end ? exact : number);
        return true;
    }
    bool on_bool(bool flag, error_code&) { return stack_.push_bool(flag), true; }
    bool on_null(error_code&) { return stack_.push_null(), true; }
    bool on_comment_part(View, error_code&) { return true; }
    bool on_comment(View, error_code&) { return true; }

private:
    boost::json::value_stack& stack_;
};

// The value of the escape \uXXXX at `at`, should there be one.
std::optional<unsigned> escape_at(std::string_view text, size_t at) {
    if (at + 6 > text.size() || text[at] != '\\' || text[at + 1] != 'u') return std::nullopt;
    unsigned unit = 0;
    const char* const digits = text.data() + at + 2;
    if (std::from_chars(digits, digits + 4, unit, 16).ptr != digits + 4) return std::nullopt;
    return unit;
}

// Every escape of half a surrogate pair becomes that of U+FFFD; the rest stays as it is.
std::string without_lone_surrogates(std::string_view json) {
    std::string text(json);
    for (size_t at = text.find('\\'); at != std::string::npos; at = text.find('\\', at)) {
        const auto unit = escape_at(text, at);
        if (!unit) {
            at += 2;
            continue;
        }
        const auto next = escape_at(text, at + 6);
        if (*unit >= 0xd800 && *unit < 0xdc00 && next && *next >= 0xdc00 && *next < 0xe000) {
            at += 12;
            continue;
        }
        if (*unit >= 0xd800 && *unit < 0xe000) text.replace(at + 2, 4, "fffd");
        at += 6;
    }
    return text;
}

}  // namespace

struct Arena::Parser {
    Parser(boost::json::value_stack& stack, const boost::json::parse_options& options)
        : json(options, stack) {}

    boost::json::basic_parser<Handler> json;
};

Arena::Arena(const DecodeLimits& limits) : limits_(limits) {
    renew_stack();
    renew_values();
    boost::json::parse_options options;
    options.max_depth = limits.depth_max;
    parser_ = std::make_unique<Parser>(*stack_, options);
}

Arena::~Arena() = default;

void Arena::renew_stack() {
    stack_.emplace(boost::json::storage_ptr(), scratch_buffer_.data(), scratch_buffer_.size());
}

// Not release(): in Boost 1.81 that keeps the size of the next block, which doubles with each one.
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
    error_code error;
    if (parse(text, error)) return stack_->release();
    // Boost.JSON has several errors for lone surrogates, and some of them for other faults as well.
    if (text.find("\\u") == std::string_view::npos) return std::nullopt;
    const std::string repaired = without_lone_surrogates(text);
    error.clear();
    if (repaired != text && parse(repaired, error)) return stack_->release();
    return std::nullopt;
}

}  // namespace starling::socketio
