/* Calendar functions on fixed times, in UTC and by a TZ rule; clocks only as far as they must go forward. */
#define _GNU_SOURCE
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <langinfo.h>

static const time_t moments[] = { 0, -1, 86399, 951782400, 1000000000, 1709210096, 2147483647, 4294967296, -2208988800, 253402300799 };

static void show(const char *zone)
{
    setenv("TZ", zone, 1);
    tzset();
    for (size_t i = 0; i < sizeof moments / sizeof *moments; i++) {
        struct tm tm;
        char text[200];
        localtime_r(&moments[i], &tm);
        strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S %a %B %j %U %V %G %u %y %I %p %Z %z %c %x %X %D %e %T %n%%", &tm);
        printf("%lld: %s isdst %d back %lld\n", (long long)moments[i], text, tm.tm_isdst, (long long)mktime(&tm));
    }
}

int main(void)
{
    show("UTC0");
    show("CET-1CEST,M3.5.0,M10.5.0/3");
    show("EST5EDT,M3.2.0,M11.1.0");
    struct tm odd = { .tm_year = 124, .tm_mon = 25, .tm_mday = -40, .tm_hour = 99, .tm_min = -1 };
    printf("normalised %lld: %s", (long long)timegm(&odd), asctime(&odd));
    struct tm parsed = { 0 };
    char *rest = strptime("29 Feb 2024 12:34:56 rest", "%d %b %Y %H:%M:%S", &parsed);
    printf("strptime %lld '%s'\n", (long long)timegm(&parsed), rest);
    printf("difference %g\n", difftime(moments[5], moments[4]));
    struct timespec a, b;
    clock_gettime(CLOCK_MONOTONIC, &a);
    clock_gettime(CLOCK_MONOTONIC, &b);
    printf("forward %d\n", b.tv_sec > a.tv_sec || (b.tv_sec == a.tv_sec && b.tv_nsec >= a.tv_nsec));
    struct timeval now;
    gettimeofday(&now, NULL);
    struct timespec tick; // the clock that time() may read, which lags by up to a tick
    clock_gettime(CLOCK_REALTIME_COARSE, &tick);
    printf("after 2001 %d %d\n", now.tv_sec > 1000000000, time(NULL) >= tick.tv_sec);
    nanosleep(&(struct timespec) { .tv_nsec = 3000000 }, NULL);
    clock_gettime(CLOCK_MONOTONIC, &b);
    printf("slept %d\n", (b.tv_sec - a.tv_sec) * 1000000000 + b.tv_nsec - a.tv_nsec >= 3000000);
    printf("locale %s, point %s, codeset %s\n", setlocale(LC_ALL, ""), localeconv()->decimal_point, nl_langinfo(DAY_2));
    return 0;
}
