#include "auth/json_object.h"

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/error.hpp>
#include <boost/json/parse_options.hpp>
#include <utility>

namespace starling::auth {
namespace {

using boost::json::error_code;
using View = boost::json::string_view;

// The handler of Boost.JSON's parser. `depth_` is 1 directly inside the outermost object.
class Handler {
public:
    static constexpr size_t max_object_size = static_cast<size_t>(-1);
    static constexpr size_t max_array_size = static_cast<size_t>(-1);
    static constexpr size_t max_key_size = static_cast<size_t>(-1);
    static constexpr size_t max_string_size = static_cast<size_t>(-1);

    JsonObject members;

    bool on_document_begin(error_code&) { return true; }
    bool on_document_end(error_code&) { return true; }

    bool on_object_begin(error_code&) {
        if (depth_ > 0) not_a_text();
        ++depth_;
        return true;
    }
    bool on_object_end(size_t, error_code&) {
        --depth_;
        return true;
    }
    bool on_array_begin(error_code& error) {
        if (depth_ == 0) return refuse(error);
        if (depth_ == 1)
            current_->kind = JsonMember::Kind::texts;
        else
            not_a_text();
        ++depth_;
        return true;
    }
    bool on_array_end(size_t, error_code&) {
        --depth_;
        return true;
    }

    bool on_key_part(View part, size_t, error_code&) {
        if (depth_ == 1) text_.append(part.data(), part.size());
        return true;
    }
    bool on_key(View part, size_t, error_code& error) {
        if (depth_ != 1) return true;
        text_.append(part.data(), part.size());
        const auto [position, added] = members.try_emplace(std::exchange(text_, {}));
        if (!added || members.size() > json_members_max) return refuse(error);
        current_ = &position->second;
        return true;
    }
    bool on_string_part(View part, size_t, error_code&) {
        if (depth_ <= 2) text_.append(part.data(), part.size());
        return true;
    }
    bool on_string(View part, size_t, error_code& error) {
        if (depth_ == 0) return refuse(error);
        if (depth_ > 2) return true;
        text_.append(part.data(), part.size());
        std::string text = std::exchange(text_, {});
        if (depth_ == 1) {
            current_->kind = JsonMember::Kind::text;
            current_->text = std::move(text);
        } else if (current_->kind == JsonMember::Kind::texts) {
            current_->texts.push_back(std::move(text));
        }
        return true;
    }

    bool on_number_part(View, error_code&) { return true; }
    bool on_int64(int64_t value, View, error_code& error) {
        return number(static_cast<double>(value), error);
    }
    bool on_uint64(uint64_t value, View, error_code& error) {
        return number(static_cast<double>(value), error);
    }
    bool on_double(double value, View, error_code& error) { return number(value, error); }
    bool on_bool(bool value, error_code& error) {
        if (depth_ == 0) return refuse(error);
        not_a_text();
        if (depth_ == 1) {
            current_->kind = JsonMember::Kind::boolean;
            current_->boolean = value;
        }
        return true;
    }
    bool on_null(error_code& error) {
        if (depth_ == 0) return refuse(error);
        not_a_text();
        return true;
    }
    bool on_comment_part(View, error_code&) { return true; }
    bool on_comment(View, error_code&) { return true; }

private:
    static bool refuse(error_code& error) {
        error = boost::json::error::syntax;
        return false;
    }

    // Call inside an array of the outermost object: an element is no string, so the array is
    // `other`.
    void not_a_text() {
        if (depth_ != 2 || current_->kind != JsonMember::Kind::texts) return;
        current_->kind = JsonMember::Kind::other;
        current_->texts.clear();
    }

    bool number(double value, error_code& error) {
        if (depth_ == 0) return refuse(error);
        not_a_text();
        if (depth_ == 1) {
            current_->kind = JsonMember::Kind::number;
            current_->number = value;
        }
        return true;
    }

    size_t depth_ = 0;
    JsonMember* current_ = nullptr;  // Not null while a value of the outermost object is read.
    std::string text_;               // The part of a key or string that has arrived.
};

}  // namespace

std::optional<JsonObject> read_json_object(std::string_view json) {
    boost::json::parse_options options;  // Comments, trailing commas and bad UTF-8 are refused.
    options.max_depth = json_depth_max;
    boost::json::basic_parser<Handler> parser(options);
    error_code error;
    const size_t consumed = parser.write_some(false, json.data(), json.size(), error);
    if (error || consumed != json.size() || !parser.done()) return std::nullopt;
    return std::move(parser.handler().members);
}

}  // namespace starling::auth
