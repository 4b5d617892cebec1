// Signatures and the form of tokens: accepted tokens, and known ways to forge one.
#include <gtest/gtest.h>
#include <openssl/err.h>
#include <starling/auth.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/auth/signing.h"

namespace starling::auth {
namespace {

using namespace test;

constexpr int64_t now_s = 1'800'000'000;
constexpr std::string_view claims = R"({"email":"mm@example.com","exp":1800003600})";

// The user, "mm@example.com", or the failure.
std::string shown(const Verdict& verdict) {
    return verdict ? verdict.identity->user : std::string(failure_text(verdict.failure));
}

// Three keys with an id and two without, so that every case runs against both kinds.
const Authenticator& keyring() {
    static const Authenticator authenticator(
        {.keys = {
             {"hmac", Algorithm::hs256, "the secret of the key with an id"},
             {"rsa", Algorithm::rs256, rsa_key().public_pem()},
             {"ec", Algorithm::es256, ec_key().public_pem()},
             {"", Algorithm::hs256, secret},
             {"", Algorithm::rs256, other_rsa_key().public_pem()},
         }});
    return authenticator;
}

TEST(AuthToken, VerifiesEachAlgorithm) {
    const std::string rs = unsigned_token(R"({"alg":"RS256","kid":"rsa"})", claims);
    const std::string rs_plain = unsigned_token(R"({"alg":"RS256"})", claims);
    const std::string es = unsigned_token(R"({"alg":"ES256","kid":"ec"})", claims);
    const struct {
        std::string_view what;
        std::string token;
    } cases[] = {
        {"HS256 by id",
         hs_token(claims, R"({"alg":"HS256","kid":"hmac"})", "the secret of the key with an id")},
        {"HS256 without id", hs_token(claims)},
        {"an empty id is none", hs_token(claims, R"({"alg":"HS256","kid":""})")},
        {"RS256 by id", with(rs, rsa_key().sign(rs))},
        {"RS256 without id", with(rs_plain, other_rsa_key().sign(rs_plain))},
        {"ES256 by id", with(es, ec_key().es256(es))},
        {"whitespace in the JSON",
         hs_token(" {\n\"email\" : \"mm@example.com\" }\n", "\t{ \"alg\" : \"HS256\" } ")},
        {"header members nobody knows",
         hs_token(claims, R"({"alg":"HS256","x5u":[1,{"a":null}]})")},
    };
    for (const auto& c : cases)
        EXPECT_EQ(shown(keyring().verify(c.token, now_s)), "mm@example.com") << c.what;
}

// RFC 7515 appendices A.1 and A.3: signatures made by others.
TEST(AuthToken, VerifiesTheExamplesOfTheRfc) {
    const Authenticator hs(
        {.keys = {{"", Algorithm::hs256,
                   [] {
                       // The key of RFC 7515 appendix A.1.1, 64 bytes.
                       constexpr unsigned char key[] = {
                           3,   35,  53,  75,  43,  15,  165, 188, 131, 126, 6,   101, 119,
                           123, 166, 143, 90,  179, 40,  230, 240, 84,  201, 40,  169, 15,
                           132, 178, 210, 80,  46,  191, 211, 251, 90,  146, 210, 6,   71,
                           239, 150, 138, 180, 195, 119, 98,  61,  34,  61,  46,  33,  114,
                           5,   46,  79,  8,   192, 205, 154, 245, 103, 208, 128, 163};
                       return std::string(reinterpret_cast<const char*>(key), sizeof key);
                   }()}},
         .user_claim = "iss"});
    const Authenticator es(
        {.keys = {{"", Algorithm::es256,
                   "-----BEGIN PUBLIC KEY-----\n"
                   "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV7\n"
                   "6e8Tus9uPHvRVEXH8UTNG72bfocs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==\n"
                   "-----END PUBLIC KEY-----\n"}},
         .user_claim = "iss"});
    const std::string payload =
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
        "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    EXPECT_EQ(shown(hs.verify("eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." + payload +
                                  ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
                              1300819379)),
              "joe");
    EXPECT_EQ(
        shown(es.verify("eyJhbGciOiJFUzI1NiJ9." + payload +
                            ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQ"
                            "xfKTUJqPP3-Kg6NU1Q",
                        1300819379)),
        "joe");
}

TEST(AuthToken, RefusesForgeries) {
    const std::string rs = unsigned_token(R"({"alg":"RS256","kid":"rsa"})", claims);
    const std::string rs_plain = unsigned_token(R"({"alg":"RS256"})", claims);
    const std::string es = unsigned_token(R"({"alg":"ES256","kid":"ec"})", claims);
    const std::string r_s = ec_key().es256(es);
    const std::string rs_sig = rsa_key().sign(rs);
    const std::string changed =
        unsigned_token(R"({"alg":"RS256","kid":"rsa"})", R"({"email":"x"})");
    const std::string pem = rsa_key().public_pem();
    const std::string other_pem = other_rsa_key().public_pem();
    const std::string bad = "the token's signature is wrong";
    const std::string wrong = "the token's algorithm is not its key's";
    const std::string unknown = "the token names no known key";
    const std::string zeros(64, '\0');
    std::string flipped = rs_sig;
    flipped.back() = static_cast<char>(flipped.back() ^ 1);
    const struct {
        std::string_view what;
        std::string token, want;
    } cases[] = {
        {"another secret", hs_token(claims, R"({"alg":"HS256"})", std::string(32, 'x')), bad},
        {"no signature", unsigned_token(R"({"alg":"HS256"})", claims) + ".", bad},
        {"half a signature", with(rs, rs_sig.substr(0, 128)), bad},
        {"a longer signature", with(rs, rs_sig + '\0'), bad},
        {"one bit", with(rs, flipped), bad},
        {"other claims", with(changed, rs_sig), bad},
        {"another RSA key", with(rs, other_rsa_key().sign(rs)), bad},
        {"the key without id, by the id of another", with(rs_plain, rsa_key().sign(rs_plain)), bad},
        {"another hash", with(rs, rsa_key().sign(rs, EVP_sha512())), bad},
        {"another EC key", with(es, KeyPair::ec().es256(es)), bad},
        {"ES256 in DER", with(es, ec_key().sign(es)), bad},
        {"ES256 padded", with(es, ec_key().es256(es, 33)), bad},
        {"ES256 of zeros (CVE-2022-21449)", with(es, zeros), bad},
        {"ES256 without s", with(es, r_s.substr(0, 32)), bad},
        {"ES256 with s = 0", with(es, r_s.substr(0, 32) + zeros.substr(32)), bad},
        {"ES256 over the order", with(es, std::string(64, '\xff')), bad},
        {"unknown kid", hs_token(claims, R"({"alg":"HS256","kid":"gone"})"), unknown},
        {"a kid with NUL", hs_token(claims, R"({"alg":"HS256","kid":"hmac\u0000"})"), unknown},
        {"a kid that is a path", hs_token(claims, R"({"alg":"HS256","kid":"../../dev/null"})", ""),
         unknown},
        {"RSA public key as secret", hs_token(claims, R"({"alg":"HS256","kid":"rsa"})", pem),
         wrong},
        {"the same without id", hs_token(claims, R"({"alg":"HS256"})", other_pem), bad},
        {"EC key as secret",
         hs_token(claims, R"({"alg":"HS256","kid":"ec"})", ec_key().public_pem()), wrong},
        {"HS256's key for RS256", hs_token(claims, R"({"alg":"RS256","kid":"hmac"})"), wrong},
        {"RS256 for ES256", with(es, rsa_key().sign(es)), bad},
        {"RS256 with the EC key's id", hs_token(claims, R"({"alg":"RS256","kid":"ec"})"), wrong},
        {"HS512", hs_token(claims, R"({"alg":"HS512"})"), wrong},
        {"in lower case", hs_token(claims, R"({"alg":"hs256"})"), wrong},
    };
    const Authenticator& who = keyring();
    ERR_clear_error();
    for (const auto& c : cases) EXPECT_EQ(shown(who.verify(c.token, now_s)), c.want) << c.what;
    EXPECT_EQ(ERR_peek_error(), 0u) << "TLS reads the same queue";
}

TEST(AuthToken, RefusesAlgorithmNoneInEverySpelling) {
    for (const std::string alg :
         {"none", "None", "NONE", "nOnE", " none", "none ", "", "n\\u006fne", "none\\u0000",
          "HS256\\u0000", "HS256 ", "null", "*"}) {
        for (const std::string kid : {"", R"(,"kid":"hmac")", R"(,"kid":"rsa")"}) {
            const std::string text = unsigned_token(R"({"alg":")" + alg + "\"" + kid + "}", claims);
            for (const std::string& token : {text + ".", with(text, hs256(secret, text)),
                                             with(text, hs256("", text)), with(text, "x")})
                EXPECT_EQ(keyring().verify(token, now_s).failure, Failure::wrong_algorithm) << alg;
            EXPECT_EQ(keyring().verify(text, now_s).failure, Failure::malformed) << alg;
        }
    }
}

TEST(AuthToken, RefusesWhatHasNotTheShapeOfOne) {
    const std::string good = hs_token(claims);
    const size_t dot = good.rfind('.');
    const std::string head = good.substr(0, dot), signature = good.substr(dot + 1);
    const std::string deep(100'000, '[');
    std::string many = R"({"alg":"HS256")";
    for (int i = 0; i < 300; ++i) many += ",\"" + std::to_string(i) + "\":0";
    const std::vector<std::pair<std::string_view, std::string>> cases = {
        {"empty", ""},
        {"a word", "token"},
        {"dots", ".."},
        {"two parts", head},
        {"four parts", good + ".x"},
        {"a dot behind", good + "."},
        {"a dot in front", "." + good},
        {"five parts (JWE)", "a.b.c.d.e"},
        {"padding", good + "="},
        {"plain base64", head + ".+/" + signature.substr(2)},
        {"whitespace", good + " "},
        {"a line break inside", head + ".\n" + signature},
        {"NUL", good + std::string(1, '\0')},
        {"not ASCII", good + "\xc3\xa4"},
        {"bits behind the last byte",
         head + "." + signature.substr(0, 42) + char(signature[42] + 1)},
        {"five characters of base64", head + ".AAAAA"},
        {"over 8 KiB", hs_token(R"({"email":")" + std::string(8192, 'x') + "\"}")},
        {"over 8 KiB of nothing", std::string(9000, 'A')},
        {"a million bytes", std::string(1'000'000, '.')},
        {"a header of nothing", hs_token(claims, "")},
        {"a header that is no JSON", hs_token(claims, "alg: HS256")},
        {"a header that is a string", hs_token(claims, R"("HS256")")},
        {"a header that is an array", hs_token(claims, R"(["alg","HS256"])")},
        {"a header that is null", hs_token(claims, "null")},
        {"a header cut", hs_token(claims, R"({"alg":"HS256")")},
        {"two headers", hs_token(claims, R"({"alg":"HS256"}{})")},
        {"no alg", hs_token(claims, R"({"typ":"JWT"})")},
        {"alg null", hs_token(claims, R"({"alg":null})")},
        {"alg 256", hs_token(claims, R"({"alg":256})")},
        {"alg array", hs_token(claims, R"({"alg":["HS256"]})")},
        {"alg twice", hs_token(claims, R"({"alg":"none","alg":"HS256"})")},
        {"alg twice, escaped", hs_token(claims, R"({"\u0061lg":"none","alg":"HS256"})")},
        {"kid twice", hs_token(claims, R"({"alg":"HS256","kid":"a","kid":""})")},
        {"kid 1", hs_token(claims, R"({"alg":"HS256","kid":1})")},
        {"kid null", hs_token(claims, R"({"alg":"HS256","kid":null})")},
        {"crit", hs_token(claims, R"({"alg":"HS256","crit":["exp"],"exp":1})")},
        {"crit empty", hs_token(claims, R"({"alg":"HS256","crit":[]})")},
        {"bad UTF-8", hs_token(claims, "{\"alg\":\"HS256\",\"a\":\"\xff\"}")},
        {"a lone surrogate", hs_token(claims, R"({"alg":"HS256","a":"\ud800"})")},
        {"a comment", hs_token(claims, R"({"alg":"HS256"/**/})")},
        {"a trailing comma", hs_token(claims, R"({"alg":"HS256",})")},
        {"33 deep", hs_token(claims, R"({"alg":"HS256","a":)" + deep.substr(0, 32) +
                                         std::string(32, ']') + "}")},
        {"100,000 deep", hs_token(claims, R"({"alg":"HS256","a":)" + deep)},
        {"301 members", hs_token(claims, many + "}")},
    };
    for (const auto& [what, token] : cases)
        EXPECT_EQ(shown(keyring().verify(token, now_s)), "the credentials are malformed") << what;
}

TEST(AuthToken, RefusesEveryTruncationAndEveryChange) {
    const std::string good = hs_token(claims);
    ASSERT_TRUE(keyring().verify(good, now_s));
    for (size_t i = 0; i < good.size(); ++i) {
        EXPECT_FALSE(keyring().verify(good.substr(0, i), now_s)) << i;
        std::string changed = good;
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        EXPECT_FALSE(keyring().verify(changed, now_s)) << i;
        changed.erase(i, 1);
        EXPECT_FALSE(keyring().verify(changed, now_s)) << i;
    }
}

// The limit on depth holds for long tokens too.
TEST(AuthToken, BoundsDepthWhateverTheSize) {
    const Authenticator wide({.keys = {{"", Algorithm::hs256, secret}}, .token_bytes_max = 65536});
    const auto nested = [](size_t depth) {
        return R"({"sub":"u","a":)" + std::string(depth, '[') + std::string(depth, ']') + "}";
    };
    EXPECT_EQ(shown(wide.verify(hs_token(nested(31)), now_s)), "u");
    EXPECT_EQ(shown(wide.verify(hs_token(nested(32)), now_s)), "the credentials are malformed");
    EXPECT_EQ(shown(wide.verify(hs_token(nested(20'000)), now_s)), "the credentials are malformed");
    EXPECT_EQ(shown(wide.verify(hs_token(R"({"sub":"u","a":")" + std::string(40'000, 'x') + "\"}"),
                                now_s)),
              "u");
}

TEST(AuthToken, RotatesKeysById) {
    const auto token = [](std::string_view kid, std::string_view key) {
        return hs_token(R"({"sub":"u"})", R"({"alg":"HS256","kid":")" + std::string(kid) + "\"}",
                        key);
    };
    const std::string old_secret(32, 'o'), new_secret(32, 'n');
    const Key old_key{"2025", Algorithm::hs256, old_secret};
    const Key new_key{"2026", Algorithm::hs256, new_secret};
    const Authenticator before({.keys = {old_key}}), during({.keys = {old_key, new_key}}),
        after({.keys = {new_key}});
    const struct {
        std::string_view what;
        const Authenticator& who;
        std::string token, want;
    } cases[] = {
        {"old before", before, token("2025", old_secret), "u"},
        {"new before", before, token("2026", new_secret), "the token names no known key"},
        {"old during", during, token("2025", old_secret), "u"},
        {"new during", during, token("2026", new_secret), "u"},
        {"old after", after, token("2025", old_secret), "the token names no known key"},
        {"crossed", during, token("2025", new_secret), "the token's signature is wrong"},
        {"no id", during, hs_token(R"({"sub":"u"})"), "the token names no known key"},
    };
    for (const auto& c : cases) EXPECT_EQ(shown(c.who.verify(c.token, now_s)), c.want) << c.what;
}

}  // namespace
}  // namespace starling::auth
