/* A stand-in for libnvidia-ml.so.1 with two cards. The file that FAKE_NVML names says how they are:
   the code that every question about a card returns (0 well, 15 lost, -1 never answers) and a load. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int load;

static int state(void)
{
    int code = 0;
    FILE *file = fopen(getenv("FAKE_NVML"), "r");
    if (!file || fscanf(file, "%d %d", &code, &load) != 2) exit(70);
    fclose(file);
    while (code == -1) pause();
    return code;
}

int nvmlInitWithFlags(unsigned flags) { return state(); }
int nvmlShutdown(void) { return 0; }
const char *nvmlErrorString(int code) { return code == 15 ? "GPU is lost" : "Some error"; }

int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **card)
{
    *card = (void *)(long)(index + 1);
    return index < 2 ? 0 : 2;
}

int nvmlDeviceGetHandleByUUID(const char *uuid, void **card)
{
    *card = (void *)2L;
    return strcmp(uuid, "GPU-second") ? 6 : 0;
}

int nvmlDeviceGetName(void *card, char *name, unsigned length)
{
    snprintf(name, length, "NVIDIA Test %ld", (long)card);
    return state();
}

int nvmlDeviceGetMemoryInfo(void *card, unsigned long long *memory)
{
    memory[0] = 24564ULL << 20; /* total, free, used */
    memory[2] = 2048ULL << 20;
    memory[1] = memory[0] - memory[2];
    return state();
}

int nvmlDeviceGetUtilizationRates(void *card, unsigned *rates)
{
    int code = state();
    rates[0] = load;
    rates[1] = 3;
    return code;
}

int nvmlDeviceGetTemperature(void *card, int sensor, unsigned *celsius)
{
    *celsius = 61;
    return sensor ? 2 : state();
}

int nvmlDeviceGetEncoderUtilization(void *card, unsigned *percent, unsigned *period)
{
    *percent = 12;
    *period = 167000;
    return (long)card == 2 ? 3 : state(); /* the second has no encoder */
}
