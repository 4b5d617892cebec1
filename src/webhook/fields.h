// webhook/fields.h: the members of one JSON object of an application, with the field's name in words where one is wrong.
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

// How requests of the control API are read.
enum class Reading : uint8_t {
    strict,  // Unknown fields and wrong types are refused.
    lenient,  // As Olares' gateway: unknown fields are ignored, keys match without case, null is absent.
};

inline constexpr size_t names_max = 10'000;      // Of one field.
inline constexpr size_t name_bytes_max = 255;    // Of a user, a connection, a topic.
inline constexpr size_t reason_bytes_max = 123;  // RFC 6455 section 5.5: of a close frame.

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
};
inline constexpr size_t field_count = 17;

class Fields {
public:
    // `place`: what stands in front of the fields' names in problem(): "" or "actions[2].send.".
    explicit Fields(Reading reading, std::string place = {})
        : place_(std::move(place)), reading_(reading) {}

    // Each of these returns false where problem() says what is wrong.
    //
    // The members of `value`, which are views into its text; `known` fields alone.
    [[nodiscard]] bool read(const base::JsonText& value, std::initializer_list<Field> known);
    // Appends to the set, which the caller seals. An absent field, and null, is none.
    [[nodiscard]] bool names(Field field, NameSet& out);
    // The same of a value that stands elsewhere; the problem says `field`.
    [[nodiscard]] bool names_of(const base::JsonText& value, Field field, NameSet& out);
    // One string, as names() takes it. The set stays empty for an absent field, null and "".
    [[nodiscard]] bool name(Field field, NameSet& out);
    // An absent field leaves `out` as it is.
    [[nodiscard]] bool text(Field field, std::string& out);
    [[nodiscard]] bool integer(Field field, int64_t& out);

    [[nodiscard]] bool has(Field field) const noexcept { return found_[index(field)].has; }
    // Only of a field that is there.
    [[nodiscard]] const base::JsonText& value(Field field) const noexcept {
        return found_[index(field)].value;
    }
    void forget(Field field) noexcept { found_[index(field)].has = false; }

    // False always, so that a reader can return it.
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

// The value of a whole body: "" in `problem`, or what is wrong with it. `repaired` keeps a copy where one is
// needed; the value is a view into `body` or into it.
[[nodiscard]] base::JsonText read_body(std::string_view body, Reading reading,
                                       std::string& repaired, std::string& problem);

}  // namespace starling::webhook
