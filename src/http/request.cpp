#include "base/text.h"
#include "http/cookie.h"
#include "http/url.h"

namespace starling::http {

Request::Request(const RequestParts& parts) : parts_(parts) {
    if (parts_.path.find('%') == std::string_view::npos) return;
    if (auto decoded = percent_decode(parts_.path)) {
        decoded_path_ = std::move(*decoded);
        decoded_ = true;
    }
}

std::optional<std::string> Request::query(std::string_view name) const {
    return find_form_field(parts_.query, name);
}

std::vector<std::string> Request::query_all(std::string_view name) const {
    return find_form_fields(parts_.query, name);
}

std::optional<std::string> Request::form(std::string_view name) const {
    const auto type = header("content-type");
    const auto essence = base::trim(type.substr(0, type.find(';')));
    if (!base::iequals(essence, "application/x-www-form-urlencoded")) return std::nullopt;
    return find_form_field(parts_.body, name);
}

std::optional<std::string_view> Request::cookie(std::string_view name) const {
    for (const Field& field : parts_.fields) {
        if (!base::iequals(field.name, "cookie")) continue;
        if (const auto value = find_cookie(field.value, name)) return value;
    }
    return std::nullopt;
}

std::string_view Request::header(std::string_view name) const noexcept {
    for (const Field& field : parts_.fields)
        if (base::iequals(field.name, name)) return field.value;
    return {};
}

bool Request::has_header(std::string_view name) const noexcept {
    for (const Field& field : parts_.fields)
        if (base::iequals(field.name, name)) return true;
    return false;
}

std::string_view Request::param(std::string_view name) const noexcept {
    for (const Param& param : parts_.params)
        if (param.name == name) return param.value;
    return {};
}

}  // namespace starling::http
