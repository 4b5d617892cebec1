// http/conditional.h: conditional and range requests (RFC 9110 sections 8.8, 13 and 14), and the
// choice of a content coding (section 12.5.3). Pure functions from request fields and file
// validators to a verdict; any thread.
#pragma once

#include <starling/http.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace starling::http {

// Weak comparison, section 8.8.3.2, of entity tags with their quotes: "\"a\"", "W/\"a\"".
[[nodiscard]] bool etag_equals_weakly(std::string_view a, std::string_view b) noexcept;
[[nodiscard]] bool etag_equals_strongly(std::string_view a, std::string_view b) noexcept;

// The validators of the representation that the server would send.
struct Validators {
    std::string_view etag = {};  // "": no entity tag.
    std::optional<int64_t> last_modified_s = std::nullopt;
};

enum class Condition : uint8_t { proceed, not_modified, precondition_failed };  // 200, 304, 412.

// Evaluates in the order of section 13.2.2. For GET and HEAD of an existing file.
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

// Section 14.2, with If-Range (13.1.5). Only GET has ranges. One range gives `partial`. Several
// ranges give `whole`, as section 14.2 allows, since such a request is more likely an attack than a
// need (last paragraph but one of 14.2). A malformed field or another unit is ignored.
[[nodiscard]] RangeVerdict evaluate_range(const Request& request, const Validators& validators,
                                          uint64_t size_bytes, int64_t now_s);

// The value of Content-Range: "bytes 0-9/100"; "bytes */100" for `unsatisfiable`.
[[nodiscard]] std::string content_range(const RangeVerdict& verdict, uint64_t size_bytes);

// The weight that an Accept-Encoding value gives to `coding`, in thousandths; 0: not acceptable. A
// coding that is not listed has the weight of "*". Without "*" it is 0, and 1000 for "identity".
[[nodiscard]] int coding_weight(std::string_view accept_encoding, std::string_view coding) noexcept;

}  // namespace starling::http
