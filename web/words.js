// Every word that the pages show, by language.

import { en } from "/words/en.js";
import { zh } from "/words/zh.js";

export const words = { en, zh };
