// client/terms.h: what stays the same while a WebSocket is open, and what sockets of one loop with the
// same URL and options share.
//
// Owner: the sockets, and the loop's SharedTerms. Never changes; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <string>

#include "base/ref.h"
#include "client/options.h"

namespace starling::client {

struct TermsFields {
    Settings settings;
    std::string url;
    std::string protocol = {}, extensions = {};  // "" until OPEN.

    friend bool operator==(const TermsFields&, const TermsFields&) = default;
};

struct Terms : base::RefCounted {
    explicit Terms(TermsFields made) : fields(std::move(made)) {}
    const TermsFields fields;
};

// Remembers the newest terms, so that equal ones are made once.
class SharedTerms {
public:
    [[nodiscard]] base::Ref<const Terms> of(TermsFields fields) {
        for (const auto& terms : newest_)
            if (terms && terms->fields == fields) return terms;
        at_ = (at_ + 1) % newest_.size();
        return newest_[at_] = base::Ref<const Terms>(new Terms(std::move(fields)));
    }

private:
    std::array<base::Ref<const Terms>, 8> newest_;
    size_t at_ = 0;
};

}  // namespace starling::client
