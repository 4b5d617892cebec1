// base/openssl.h: what each user of OpenSSL's crypto needs: objects that free themselves, text as
// bytes, and the answer to a question for a password. Only source files include it.
//
// Thread: any.
#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>

#include <memory>
#include <new>
#include <string_view>

namespace starling::base::openssl {

// Frees an object by a function of OpenSSL: std::unique_ptr<BIO, Free<BIO_free_all>>.
template <auto function>
struct Free {
    template <class T>
    void operator()(T* object) const noexcept {
        function(object);
    }
};
using Bio = std::unique_ptr<BIO, Free<BIO_free_all>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, Free<EVP_MD_CTX_free>>;

// For an algorithm that the program keeps in a static variable. Throws std::bad_alloc on null: then
// the variable is not initialised, and the next call fetches the algorithm again.
//
//     static EVP_MD* const sha1 = fetched(EVP_MD_fetch(nullptr, "SHA1", nullptr));
template <class T>
T* fetched(T* algorithm) {
    if (!algorithm) throw std::bad_alloc();
    return algorithm;
}

// Never null, also for an empty text.
inline const unsigned char* bytes(std::string_view text) noexcept {
    static constexpr unsigned char none = 0;
    return text.empty() ? &none : reinterpret_cast<const unsigned char*>(text.data());
}

// As the callback for passwords it refuses an encrypted key; without a callback, OpenSSL asks on the
// terminal.
inline int no_password(char*, int, int, void*) noexcept { return -1; }

}  // namespace starling::base::openssl
