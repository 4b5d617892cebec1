// app/demo/community/migrations.h: the tables of the data file, and how older files become newer ones.
// The file's user_version counts the migrations that it has seen.
//
// Owner and thread: Store::open.
#pragma once

#include "app/demo/community/database.h"

#include <string>

namespace starling::app::community {

// Makes an empty file a data file, brings an older one up to date. False: `error` says why; a file
// of another program or of a newer version is left as it was.
[[nodiscard]] bool migrate(Database& database, std::string& error);

}  // namespace starling::app::community
