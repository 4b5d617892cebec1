#include "app/demo/community/migrations.h"

#include "app/demo/community/content.h"
#include "app/demo/community/token.h"

#include <cstdint>
#include <iterator>

namespace starling::app::community {
namespace {

constexpr int64_t application_id = 0x73746c67;  // "stlg": marks a file of this program.
constexpr size_t secret_bytes = 32;             // RFC 7518 section 3.2: as long as the hash.

// Two users have at most one friendship, in either order of the two.
constexpr const char* first_tables = R"(
    PRAGMA application_id = 1937009767;
    CREATE TABLE secrets (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE users (
        email TEXT PRIMARY KEY,
        name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 64)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE articles (
        id INTEGER PRIMARY KEY,
        title_en TEXT NOT NULL, title_zh TEXT NOT NULL,
        body_en TEXT NOT NULL, body_zh TEXT NOT NULL
    ) STRICT;
    CREATE TABLE comments (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        article INTEGER NOT NULL REFERENCES articles,
        author TEXT NOT NULL REFERENCES users,
        text TEXT NOT NULL CHECK (length(text) BETWEEN 1 AND 2000),
        at_s INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX comments_of_article ON comments (article, id);
    CREATE TABLE friendships (
        asker TEXT NOT NULL REFERENCES users,
        asked TEXT NOT NULL REFERENCES users,
        accepted INTEGER NOT NULL DEFAULT 0 CHECK (accepted IN (0, 1)),
        at_s INTEGER NOT NULL,
        PRIMARY KEY (asker, asked),
        CHECK (asker <> asked)
    ) STRICT, WITHOUT ROWID;
    CREATE UNIQUE INDEX friendship_of_pair ON friendships (min(asker, asked), max(asker, asked));
)";
static_assert(application_id == 1937009767);

bool first(Database& database) {
    if (!database.script(first_tables)) return false;
    const std::string secret = random_secret(secret_bytes);
    if (secret.empty()) return false;
    if (!database.prepare("INSERT INTO secrets VALUES ('token', ?)").bind(secret).run())
        return false;
    for (const FirstUser& user : first_users()) {
        if (!database.prepare("INSERT INTO users VALUES (?, ?)")
                 .bind(user.email)
                 .bind(user.name)
                 .run())
            return false;
    }
    for (const FirstArticle& one : first_articles()) {
        if (!database.prepare("INSERT INTO articles VALUES (?, ?, ?, ?, ?)")
                 .bind(one.id)
                 .bind(one.title_en)
                 .bind(one.title_zh)
                 .bind(one.body_en)
                 .bind(one.body_zh)
                 .run())
            return false;
    }
    return true;
}

// Element N migrates a file from user_version N to N + 1. A released element never changes.
constexpr bool (*steps[])(Database&) = {first};

bool read_integer(Database& database, std::string_view sql, int64_t& value) {
    Statement statement = database.prepare(sql);
    if (!statement.row()) return false;
    value = statement.integer(0);
    return true;
}

// Fails unless the file is of this program, or is empty.
base::Result<void> recognise(Database& database) {
    int64_t id = 0, version = 0, tables = 0;
    if (!read_integer(database, "PRAGMA application_id", id) ||
        !read_integer(database, "PRAGMA user_version", version) ||
        !read_integer(database, "SELECT count(*) FROM sqlite_schema", tables))
        return base::Failure(database.error());
    const bool empty = id == 0 && version == 0 && tables == 0;
    if (!empty && id != application_id) return base::Failure("belongs to another program");
    if (version > static_cast<int64_t>(std::size(steps)))
        return base::Failure("was written by a newer version of this program");
    return {};
}

}  // namespace

base::Result<void> migrate(Database& database) {
    if (auto recognised = recognise(database); !recognised) return recognised;
    if (!database.settle()) return base::Failure(database.error());
    Transaction transaction(database);
    // Another process may have migrated the file meanwhile, so the version is read again.
    int64_t version = 0;
    bool good = transaction.began() && read_integer(database, "PRAGMA user_version", version);
    for (; good && version < static_cast<int64_t>(std::size(steps)); ++version) {
        good = steps[version](database) &&
               database.run("PRAGMA user_version = " + std::to_string(version + 1));
    }
    if (!good || !transaction.commit()) return base::Failure(database.error());
    return {};
}

}  // namespace starling::app::community
