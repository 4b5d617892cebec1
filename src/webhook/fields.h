// webhook/fields.h: reads the members of one JSON object from an application, and names the field
// that is wrong.
//
// Owner: the function that reads a request. Thread: the owner's.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "base/json_scan.h"
#include "webhook/names.h"

namespace starling::webhook {

// How strictly requests of the control API are read.
enum class Reading : uint8_t {
    strict,  // Unknown fields and wrong types are refused.
    // As in Olares' gateway: unknown fields are ignored, case in keys does not matter, null means
    // absent.
    lenient,
};

inline constexpr size_t names_max = 10'000;  // In one field.
// The same with lenient reading: a body of 4 MiB with nothing but names would hold up a worker for 0.2 s.
inline constexpr size_t names_lenient_max = 100'000;
inline constexpr size_t name_bytes_max = 255;    // Name of a user, a connection or a topic.
inline constexpr size_t reason_bytes_max = 123;  // Reason of a close frame, RFC 6455 section 5.5.

enum class Field : uint8_t {
    payload,
    text,
    base64,
    conn_id,
    conns,
    users,
    tokens,
    users_access_type,
    code,
    reason,
    topic,
    except,
    user_name,
    data,
    topics,
    actions,
    accept,
    event,
    ack_id,
};
inline constexpr size_t field_count = 19;

class Fields {
public:
    // `place` precedes field names in problem(): "" or, for example, "actions[2].send.".
    explicit Fields(Reading reading, std::string place = {})
        : place_(std::move(place)), reading_(reading) {}

    // Each of these functions returns false on a fault; problem() then says what is wrong.
    //
    // Reads the members of `value`; the views point into its text. Only `known` fields are kept.
    [[nodiscard]] bool read(const base::JsonText& value, std::initializer_list<Field> known);
    // Appends to the set; the caller must seal it. A field that is absent or null adds nothing.
    [[nodiscard]] bool names(Field field, NameSet& out);
    // Like names(), for a value from another place; the problem names `field`.
    [[nodiscard]] bool names_of(const base::JsonText& value, Field field, NameSet& out);
    // Like names(), for one string. Adds nothing for an absent field, null or "".
    [[nodiscard]] bool name(Field field, NameSet& out);
    // If the field is absent, `out` stays as it is.
    [[nodiscard]] bool text(Field field, std::string& out);
    [[nodiscard]] bool integer(Field field, int64_t& out);

    [[nodiscard]] bool has(Field field) const noexcept { return found_[index(field)].has; }
    // Only for a field that is present.
    [[nodiscard]] const base::JsonText& value(Field field) const noexcept {
        return found_[index(field)].value;
    }
    void forget(Field field) noexcept { found_[index(field)].has = false; }

    // Always returns false, so that a reader can return the result.
    bool fail(std::string_view what, std::string_view problem);
    bool fail(Field field, std::string_view problem);
    [[nodiscard]] const std::string& problem() const noexcept { return problem_; }
    [[nodiscard]] Reading reading() const noexcept { return reading_; }
    [[nodiscard]] bool lenient() const noexcept { return reading_ == Reading::lenient; }

private:
    struct Found {
        base::JsonText value;
        bool has = false;
    };

    static size_t index(Field field) noexcept { return static_cast<size_t>(field); }
    [[nodiscard]] bool is_named(Field field, std::string_view raw_key) const;
    [[nodiscard]] bool add_name(Field field, const base::JsonText& value, NameSet& out);

    std::array<Found, field_count> found_{};
    std::string place_;
    std::string problem_;
    Reading reading_;
};

// The value of a whole body. `problem` is "" or says what is wrong with the body. The value is a
// view into `body`, or into `repaired` if the body had to be changed.
[[nodiscard]] base::JsonText read_body(std::string_view body, Reading reading,
                                       std::string& repaired, std::string& problem);

}  // namespace starling::webhook
