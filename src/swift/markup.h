/* Text in markup: what XML and HTML must not have as they are. Each writer of the original escapes a little else, and clients compare. */
#ifndef SWIFT_MARKUP_H
#define SWIFT_MARKUP_H

#include "oslo/base/buf.h"

enum markup {
    MARKUP_TEXT = 1,                 /* between tags: & < > */
    MARKUP_ATTRIBUTE = 2,            /* in double quotes: those, the quote, and line ends and tabs, which a reader would make blanks of */
    MARKUP_PAGE = 4,                 /* HTML, in text and in attributes: & < > and both quotes */
    MARKUP_S3 = 8,                   /* between tags, as lxml writes it: & < > and the carriage return */
};
void markup_escape(struct buf *, const char *text, enum markup);

#endif
