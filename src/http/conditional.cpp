#include "http/conditional.h"

#include <algorithm>
#include <charconv>

#include "base/tokens.h"
#include "http/date.h"

namespace starling::http {
namespace {

std::string_view opaque_part(std::string_view etag) {
    if (etag.starts_with("W/")) etag.remove_prefix(2);
    return etag;
}

bool is_entity_tag(std::string_view text) {
    text = opaque_part(text);
    return text.size() >= 2 && text.front() == '"' && text.back() == '"';
}

// Section 5.3: several field lines of one list field form one list.
template <class Equals>
bool any_tag(const Request& request, std::string_view name, std::string_view etag, Equals equals) {
    for (const Field& field : request.headers()) {
        if (!base::iequals(field.name, name)) continue;
        if (field.value == "*") return true;
        std::string_view list = field.value, tag;
        while (base::next_element(list, tag))
            if (!etag.empty() && equals(tag, etag)) return true;
    }
    return false;
}

bool modified_since(std::string_view date, const Validators& validators, int64_t now_s,
                    bool otherwise) {
    const auto limit = parse_date(date, now_s);
    if (!limit || !validators.last_modified_s) return otherwise;
    return *validators.last_modified_s > *limit;
}

// Section 13.1.5: a range of other bytes would be wrong, hence the strong comparison; a date must
// match exactly.
bool if_range_holds(const Request& request, const Validators& validators, int64_t now_s) {
    if (!request.has_header("if-range")) return true;
    const auto value = request.header("if-range");
    if (is_entity_tag(value)) return etag_equals_strongly(value, validators.etag);
    const auto date = parse_date(value, now_s);
    return date && validators.last_modified_s && *date == *validators.last_modified_s;
}

// Parses digits. A number beyond 64 bits becomes the largest one, since no file is that long.
std::optional<uint64_t> parse_position(std::string_view text) {
    if (text.empty() || !std::ranges::all_of(text, base::is_digit)) return std::nullopt;
    uint64_t value = 0;
    const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
    return result.ec == std::errc::result_out_of_range ? UINT64_MAX : value;
}

RangeVerdict apply_range(std::string_view spec, uint64_t size_bytes) {
    const RangeVerdict whole, unsatisfiable{RangeVerdict::Kind::unsatisfiable};
    const size_t dash = spec.find('-');
    if (dash == std::string_view::npos) return whole;
    const auto first_text = spec.substr(0, dash), last_text = spec.substr(dash + 1);
    if (first_text.empty()) {  // suffix-range
        const auto count = parse_position(last_text);
        if (!count) return whole;
        if (*count == 0 || size_bytes == 0) return unsatisfiable;
        const uint64_t taken = std::min(*count, size_bytes);
        return {RangeVerdict::Kind::partial, {size_bytes - taken, taken}};
    }
    const auto first = parse_position(first_text);
    const auto last = last_text.empty() ? UINT64_MAX : parse_position(last_text);
    if (!first || !last || *last < *first) return whole;
    if (*first >= size_bytes) return unsatisfiable;
    return {RangeVerdict::Kind::partial, {*first, std::min(*last, size_bytes - 1) - *first + 1}};
}

// Parses a qvalue, section 12.4.2, into thousandths. A malformed one gives 0: not acceptable.
int parse_weight(std::string_view text) {
    if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1')) return 0;
    if (text.size() > 1 && text[1] != '.') return 0;
    int weight = (text[0] - '0') * 1000, unit = 100;
    for (size_t i = 2; i < text.size(); ++i, unit /= 10) {
        if (text[i] < '0' || text[i] > '9') return 0;
        weight += (text[i] - '0') * unit;
    }
    return weight > 1000 ? 0 : weight;
}

}  // namespace

bool etag_equals_weakly(std::string_view a, std::string_view b) noexcept {
    return is_entity_tag(a) && opaque_part(a) == opaque_part(b);
}

bool etag_equals_strongly(std::string_view a, std::string_view b) noexcept {
    return is_entity_tag(a) && !a.starts_with("W/") && a == b;
}

Condition evaluate_conditions(const Request& request, const Validators& validators, int64_t now_s) {
    if (request.has_header("if-match")) {
        if (!any_tag(request, "if-match", validators.etag, etag_equals_strongly))
            return Condition::precondition_failed;
    } else if (request.has_header("if-unmodified-since")) {
        if (modified_since(request.header("if-unmodified-since"), validators, now_s, false))
            return Condition::precondition_failed;
    }
    if (request.has_header("if-none-match")) {
        if (any_tag(request, "if-none-match", validators.etag, etag_equals_weakly))
            return Condition::not_modified;
    } else if (request.has_header("if-modified-since")) {
        if (!modified_since(request.header("if-modified-since"), validators, now_s, true))
            return Condition::not_modified;
    }
    return Condition::proceed;
}

RangeVerdict evaluate_range(const Request& request, const Validators& validators,
                            uint64_t size_bytes, int64_t now_s) {
    auto field = request.header("range");
    const size_t equals = field.find('=');
    if (request.method() != "GET" || equals == std::string_view::npos ||
        !base::iequals(base::trim(field.substr(0, equals)), "bytes") ||
        !if_range_holds(request, validators, now_s))
        return {};
    field.remove_prefix(equals + 1);
    std::string_view spec, another;
    if (!base::next_element(field, spec) || base::next_element(field, another)) return {};
    return apply_range(spec, size_bytes);
}

std::string content_range(const RangeVerdict& verdict, uint64_t size_bytes) {
    if (verdict.kind == RangeVerdict::Kind::unsatisfiable)
        return "bytes */" + std::to_string(size_bytes);
    const auto& range = verdict.range;
    return "bytes " + std::to_string(range.first) + "-" +
           std::to_string(range.first + range.count - 1) + "/" + std::to_string(size_bytes);
}

int coding_weight(std::string_view accept_encoding, std::string_view coding) noexcept {
    std::string_view element;
    std::optional<int> any;
    while (base::next_element(accept_encoding, element)) {
        const size_t semicolon = element.find(';');
        const auto name = base::trim(element.substr(0, semicolon));
        int weight = 1000;
        if (semicolon != std::string_view::npos) {
            const auto parameter = base::trim(element.substr(semicolon + 1));
            const bool is_weight = base::iequals(parameter.substr(0, 2), "q=");
            weight = is_weight ? parse_weight(parameter.substr(2)) : 0;
        }
        if (base::iequals(name, coding)) return weight;
        if (name == "*" && !any) any = weight;
    }
    return any.value_or(base::iequals(coding, "identity") ? 1000 : 0);
}

}  // namespace starling::http
