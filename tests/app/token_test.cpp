// `starling token`: which keys sign, which claims stand in the token, and what is refused in which
// words. auth::Authenticator judges every token.
#include "app/token/token.h"

#include <starling/json.h>

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/base64.h"
#include "tests/auth/signing.h"

namespace starling::app {
namespace {

using auth::Algorithm;
using auth::test::KeyPair;

constexpr int64_t now_s = 1'700'000'000;
const std::string secret = "0123456789abcdef0123456789abcdef";

std::string part(const std::string& token, int index) {
    std::istringstream parts(token);
    std::string text;
    for (int i = 0; i <= index; ++i) std::getline(parts, text, '.');
    return base::base64url_decode(text).value_or("");
}

TEST(SigningKey, TheKeyDecidesWhereNoAlgorithmIsNamed) {
    struct Case {
        std::string key;
        std::optional<Algorithm> named;
        std::string wanted;  // The algorithm, or the beginning of the refusal.
    };
    const KeyPair rsa = KeyPair::rsa(), ec = KeyPair::ec();
    const std::string rsa_pem = rsa.private_pem(), ec_pem = ec.private_pem();
    const Case cases[] = {
        {secret, {}, "HS256"},
        {secret, Algorithm::hs256, "HS256"},
        {rsa_pem, {}, "RS256"},
        {rsa_pem, Algorithm::rs256, "RS256"},
        {ec_pem, {}, "ES256"},
        {ec_pem, Algorithm::es256, "ES256"},
        {"# made today\n" + ec_pem, {}, "ES256"},
        {"short", {}, "an HS256 secret has 32 bytes at least"},
        {"", {}, "an HS256 secret has 32 bytes at least"},
        {std::string(65'537, 'x'), {}, "is longer than 64 KiB"},
        {secret, Algorithm::rs256, "RS256 wants a private key in PEM"},
        {secret, Algorithm::es256, "ES256 wants a private key in PEM"},
        {ec_pem, Algorithm::rs256, "RS256 wants an RSA key"},
        {rsa_pem, Algorithm::es256, "ES256 wants a key on P-256"},
        {rsa_pem, Algorithm::hs256, "a PEM file is no HS256 secret"},
        {rsa.public_pem(), {}, "is a public key, which verifies tokens"},
        {ec.public_pem(), Algorithm::es256, "is a public key, which verifies tokens"},
        {KeyPair::rsa(1024).private_pem(), {}, "RS256 wants 2048 to 16384 bits"},
        {KeyPair::ec("P-384").private_pem(), {}, "ES256 wants a key on P-256"},
        {KeyPair::of_type("ED25519").private_pem(), {}, "is neither an RSA key"},
        {KeyPair::of_type("RSA-PSS").private_pem(), {}, "is neither an RSA key"},
        {KeyPair::of_type("RSA-PSS").private_pem(), Algorithm::rs256, "RS256 wants an RSA key"},
        {"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", {}, "is a certificate"},
        {"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
         {},
         "is encrypted"},
        {rsa_pem.substr(0, 200), {}, "is not a readable private key"},
    };
    for (const Case& c : cases) {
        const auto key = SigningKey::read(c.key, c.named);
        const std::string got = key ? std::string(name_of(key->algorithm())) : key.error();
        EXPECT_TRUE(got.starts_with(c.wanted)) << got << " is not " << c.wanted;
        if (!c.key.empty()) {
            EXPECT_EQ(got.find(c.key), std::string::npos);
        }
    }
}

TEST(Token, AnAuthenticatorAcceptsWhatEachKindOfKeySigns) {
    for (const std::string& material :
         {secret, KeyPair::rsa().private_pem(), KeyPair::ec().private_pem()}) {
        const auto key = SigningKey::read(material, {});
        ASSERT_TRUE(key) << key.error();
        const auth::Authenticator server({.keys = {{.id = "2026",
                                                    .algorithm = key->algorithm(),
                                                    .material = key->verifying_material()}},
                                          .issuer = "https://id.example.com",
                                          .audience = "events"});
        const auto token = make_token(*key,
                                      {.subject = "ada",
                                       .key_id = "2026",
                                       .issuer = "https://id.example.com",
                                       .audience = {"chat", "events"},
                                       .expires_s = 60},
                                      now_s);
        ASSERT_TRUE(token) << token.error();
        const auth::Verdict verdict = server.verify(*token, now_s);
        ASSERT_TRUE(verdict) << failure_text(verdict.failure);
        EXPECT_EQ(verdict.identity->user, "ada");
        EXPECT_EQ(verdict.identity->expires_at_s, now_s + 60 + 30);  // With the server's leeway.
        EXPECT_EQ(server.verify(*token, now_s + 90).failure, auth::Failure::expired);
        EXPECT_EQ(server.verify(*token + "A", now_s).failure, auth::Failure::bad_signature);
    }
}

// ES256 pads r and s to 32 bytes each; one signature in 128 has a shorter one.
TEST(Token, EverySignatureOfEs256HasItsFullLength) {
    const auto key = SigningKey::read(KeyPair::ec().private_pem(), {});
    ASSERT_TRUE(key);
    for (int i = 0; i < 600; ++i) ASSERT_EQ(key->sign(std::to_string(i)).size(), 64U);
}

TEST(Token, HasTheClaimsThatWereAskedFor) {
    struct Case {
        TokenRequest request;
        std::string wanted;  // The claims, or the whole refusal.
    };
    const std::string iat = R"(,"iat":1700000000})";
    const Case cases[] = {
        {{.subject = "ada"}, R"({"sub":"ada")" + iat},
        {{.subject = "Äda \"A\""}, R"({"sub":"Äda \"A\"")" + iat},
        {{.subject = "ada", .expires_s = 90}, R"({"sub":"ada","exp":1700000090)" + iat},
        {{.subject = "ada", .audience = {"a"}}, R"({"sub":"ada","aud":"a")" + iat},
        {{.subject = "ada", .audience = {"a", "b"}}, R"({"sub":"ada","aud":["a","b"])" + iat},
        {{.subject = "ada", .claims = {"admin=true", "x={\"a\": [1, null]}", "n=1.5"}},
         R"({"sub":"ada","admin":true,"x":{"a":[1,null]},"n":1.5E0)" + iat},
        {{.subject = "ada", .claims = {"exp=1800000000"}},
         R"({"sub":"ada","exp":1800000000)" + iat},
        {{.subject = "ada", .claims = {"iat=5"}}, R"({"sub":"ada","iat":5})"},
        {{.subject = "ada", .claims = {"a=b=c"}},
         "--claim a: must be JSON; a text stands in quotes, as '\"Ada\"'"},
        {{.subject = "ada", .claims = {"name=Ada"}},
         "--claim name: must be JSON; a text stands in quotes, as '\"Ada\"'"},
        {{.subject = "ada", .claims = {"name="}},
         "--claim name: must be JSON; a text stands in quotes, as '\"Ada\"'"},
        {{.subject = "ada", .claims = {"name"}}, "--claim: must be NAME=JSON, as admin=true"},
        {{.subject = "ada", .claims = {"=1"}}, "--claim: must be NAME=JSON, as admin=true"},
        {{.subject = "ada", .claims = {"a=1", "a=1"}},
         "--claim a: is set twice, or by an option of its own"},
        {{.subject = "ada", .claims = {"sub=\"ben\""}},
         "--claim sub: is set twice, or by an option of its own"},
        {{.subject = "ada", .expires_s = 60, .claims = {"exp=1800000000"}},
         "--claim exp: is set twice, or by an option of its own"},
        {{.subject = "ada", .claims = {"exp=\"soon\""}},
         "--claim exp: must be a number: seconds since 1970"},
        {{.subject = "ada", .claims = {"nbf=null"}},
         "--claim nbf: must be a number: seconds since 1970"},
        {{.subject = "ada", .claims = {"iss=1"}}, "--claim iss: must be a text in quotes"},
        {{.subject = "ada", .claims = {"aud=[1]"}},
         "--claim aud: must be a text in quotes, or a list of them"},
        {{.subject = "ada", .claims = {"exp=1"}},
         "a server would refuse it: the token has expired"},
        {{.subject = "ada", .claims = {"nbf=1800000000"}},
         "a server would refuse it: the token is not valid yet"},
        {{.subject = ""}, "a server would refuse it: there is no user in it"},
        {{.subject = "a\nb"}, "a server would refuse it: there is no user in it"},
        {{.subject = std::string(256, 'a')}, "a server would refuse it: there is no user in it"},
        {{.subject = "\xff"}, "the options must be UTF-8"},
        {{.subject = "ada", .claims = {"x=\"" + std::string(7000, 'x') + "\""}},
         "the token has 9464 bytes; a server accepts 8192"},
    };
    const auto key = SigningKey::read(secret, {});
    ASSERT_TRUE(key);
    for (const Case& c : cases) {
        const auto token = make_token(*key, c.request, now_s);
        EXPECT_EQ(token ? part(*token, 1) : token.error(), c.wanted);
    }
    const auto named = make_token(*key, {.subject = "ada", .key_id = "2026"}, now_s);
    ASSERT_TRUE(named);
    EXPECT_EQ(part(*named, 0), R"({"alg":"HS256","typ":"JWT","kid":"2026"})");
    const auto long_id =
        make_token(*key, {.subject = "ada", .key_id = std::string(256, 'k')}, now_s);
    ASSERT_FALSE(long_id);
    EXPECT_NE(long_id.error().find("an id has 255 bytes at most"), std::string::npos);
}

TEST(Token, Lifetimes) {
    const std::pair<const char*, int64_t> cases[] = {{"1s", 1},
                                                     {"90s", 90},
                                                     {"15m", 900},
                                                     {"1h", 3600},
                                                     {"7d", 604'800},
                                                     {"3653d", 315'619'200},
                                                     {"", 0},
                                                     {"s", 0},
                                                     {"1", 0},
                                                     {"0s", 0},
                                                     {"-1h", 0},
                                                     {"+1h", 0},
                                                     {"1.5h", 0},
                                                     {"1w", 0},
                                                     {"1h ", 0},
                                                     {" 1h", 0},
                                                     {"1hh", 0},
                                                     {"3654d", 0},
                                                     {"99999999999999999999s", 0},
                                                     {"9223372036854775807d", 0}};
    for (const auto& [text, wanted] : cases)
        EXPECT_EQ(parse_lifetime(text).value_or(0), wanted) << text;
}

struct Outcome {
    int code;
    std::string out, err;
};

Outcome run_with(std::vector<std::string> args, const std::string& input = "") {
    args.insert(args.begin(), "token");
    std::istringstream in(input);
    std::ostringstream out, err;
    const CommandLine line = parse_command_line(args);
    if (line.action == Action::print) return {line.exit_code, "", line.text};
    const int code = run_token(line, {in, out, err}, now_s);
    return {code, out.str(), err.str()};
}

TEST(TokenCommand, ReadsTheKeyAsTheConfigurationDoes) {
    const std::string file = testing::TempDir() + "starling-token-secret";
    const auto key = SigningKey::read(secret, {});
    ASSERT_TRUE(key);
    const auto wanted = make_token(*key, {.subject = "ada", .expires_s = 3600}, now_s);
    ASSERT_TRUE(wanted);
    for (const char* end : {"", "\n", "\r\n", "\n\n\n"}) {
        std::ofstream(file, std::ios::binary) << secret << end;
        const Outcome from_file = run_with({"--key", file, "--subject", "ada"});
        EXPECT_EQ(from_file.code, 0) << from_file.err;
        EXPECT_EQ(from_file.out, *wanted + "\n");
        EXPECT_EQ(run_with({"--key", "-", "--subject", "ada"}, secret + end).out, *wanted + "\n");
    }
    std::filesystem::remove(file);
}

TEST(TokenCommand, AWrongCallIsOneLineAndExit2) {
    struct Case {
        std::vector<std::string> args;
        std::string line, input = secret;
    };
    const std::string folder = testing::TempDir();
    const Case cases[] = {
        {{}, "starling: token needs --key FILE; see starling --help"},
        {{"--key", "-"}, "starling: token needs --subject USER; see starling --help"},
        {{"--subject", "ada"}, "starling: token needs --key FILE; see starling --help"},
        {{"--key", "-", "--subject", "ada", "--algorithm", "none"},
         "starling: --algorithm: must be HS256, RS256 or ES256; see starling --help"},
        {{"--key", "-", "--subject", "ada", "--expires", "tomorrow"},
         "starling token: --expires: must be a number and s, m, h or d, at most ten years, as 90s "
         "or "
         "1h; or never"},
        {{"--key", "/nowhere/key", "--subject", "ada"},
         "starling token: --key: cannot read '/nowhere/key': No such file or directory"},
        {{"--key", folder, "--subject", "ada"},
         "starling token: --key: cannot read '" + folder + "': Is a directory"},
        {{"--key", "-", "--subject", "ada"},
         "starling token: --key: an HS256 secret has 32 bytes at least (RFC 7518 section 3.2)",
         "hunter2\n"},
        {{"--key", "-", "--subject", "ada", "--algorithm", "ES256"},
         "starling token: --key: ES256 wants a private key in PEM; this is none"},
    };
    for (const Case& c : cases) {
        const Outcome outcome = run_with(c.args, c.input);
        EXPECT_EQ(outcome.code, 2);
        EXPECT_EQ(outcome.err, c.line + "\n");
        EXPECT_EQ(outcome.out, "");
    }
    EXPECT_EQ(run_with({"--key", "-", "--subject", "ada", "--expires", "never"}, secret).code, 0);
}

TEST(TokenCommand, TellsThatItsOutputIsLost) {
    std::istringstream in(secret);
    std::ostringstream err;
    std::ostream closed(nullptr);
    const CommandLine line = parse_command_line({"token", "--key", "-", "--subject", "ada"});
    EXPECT_EQ(run_token(line, {in, closed, err}, now_s), 1);
    EXPECT_EQ(err.str(), "starling: standard output cannot be written\n");
}

}  // namespace
}  // namespace starling::app
