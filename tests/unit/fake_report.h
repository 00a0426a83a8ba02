/* What report.c would have told, for a test to look at and to forget. */
#ifndef TESTS_UNIT_FAKE_REPORT_H
#define TESTS_UNIT_FAKE_REPORT_H

/* Forgets the failure and the last line of the log. */
void fake_report_reset(void);

/* The code of the remembered failure, or -1. */
int fake_report_code(void);

/* The last line of the log, or NULL. */
const char *fake_report_line(void);

#endif
