/* One option's value: from JSON, or from its preset, into the struct's member. */
#ifndef RA_CONFIG_OPTION_H
#define RA_CONFIG_OPTION_H

#include "config/decode.h"

/* The option comes before RA_OPTION_TEMPLATE in its enum; `base` is its section's struct. */
void ra_option_set(ra_decoder *d, const ra_option *o, const ra_place *at, void *base);
/* The preset, which a test proves to be right for every option. */
void ra_option_set_preset(ra_decoder *d, const ra_option *o, void *base);
/* Says at this place that the value isn't accepted, and what is. */
void ra_option_refuse(ra_decoder *d, const ra_option *o, const ra_place *at, const char *what);

#endif
