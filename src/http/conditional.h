// http/conditional.h: conditional and range requests (RFC 9110 sections 8.8, 13 and 14) and the
// choice of a content coding (section 12.5.3). Pure functions: the fields and the file's validators
// in, a verdict out.
#pragma once

#include <starling/http.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace starling::http {

// Section 8.8.3.2, on entity tags with their quotes: "\"a\"", "W/\"a\"".
[[nodiscard]] bool etag_equals_weakly(std::string_view a, std::string_view b) noexcept;
[[nodiscard]] bool etag_equals_strongly(std::string_view a, std::string_view b) noexcept;

// What the server knows about the representation that it would send.
struct Validators {
    std::string_view etag = {};  // "" for none.
    std::optional<int64_t> last_modified_s = std::nullopt;
};

enum class Condition : uint8_t { proceed, not_modified, precondition_failed };  // 200, 304, 412.

// The order of section 13.2.2. For GET and HEAD of something that exists.
[[nodiscard]] Condition evaluate_conditions(const Request& request, const Validators& validators,
                                            int64_t now_s);

struct ByteRange {
    uint64_t first = 0;
    uint64_t count = 0;
};

struct RangeVerdict {
    enum class Kind : uint8_t { whole, partial, unsatisfiable };  // 200, 206, 416.
    Kind kind = Kind::whole;
    ByteRange range = {};  // For `partial`.
};

// Section 14.2, with If-Range (13.1.5). Only GET has ranges. One range gives `partial`; several
// give the whole, as section 14.2 allows: a request for several is more likely an attack than a
// need (14.2, last paragraph but one). A malformed field or another unit is ignored.
[[nodiscard]] RangeVerdict evaluate_range(const Request& request, const Validators& validators,
                                          uint64_t size_bytes, int64_t now_s);

// "bytes 0-9/100"; "bytes */100" for the unsatisfiable.
[[nodiscard]] std::string content_range(const RangeVerdict& verdict, uint64_t size_bytes);

// Thousandths of the weight that an Accept-Encoding value gives to `coding`; 0: not acceptable.
// Without a mention it is that of "*", and without that 0, except for "identity": 1000.
[[nodiscard]] int coding_weight(std::string_view accept_encoding, std::string_view coding) noexcept;

}  // namespace starling::http
