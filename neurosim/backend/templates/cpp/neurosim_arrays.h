// What a run is given and what it leaves, one file each. Brian2 would have one for every array, and making hundreds of
// files takes longer than many a run.
#ifndef NEUROSIM_ARRAYS_H
#define NEUROSIM_ARRAYS_H

#include <cstdint>
#include <cstring>
#include <fstream>
#include <map>
#include <set>
#include <string>

#include "neurosim_io.h"

namespace neurosim {

// File "values": of every array given the int64 length of its name, the name, the int64 bytes of its numbers, these.
class Given
{
    const Mapped file;
    std::map<std::string, std::pair<const char*, int64_t>> places;

    int64_t length(const char*& at) const
    {
        int64_t value = 0;
        if (at + sizeof value > file.data + file.size) fail("too short: " + path("values"));
        std::memcpy(&value, at, sizeof value);
        at += sizeof value;
        if (value < 0 || value > file.data + file.size - at) fail("too short: " + path("values"));
        return value;
    }

public:
    Given() : file(path("values"))
    {
        for (const char* at = file.data; at < file.data + file.size;)
        {
            const int64_t letters = length(at);
            const std::string name(at, (size_t)letters);
            at += letters;
            const int64_t bytes = length(at);
            places[name] = std::make_pair(at, bytes);
            at += bytes;
        }
    }

    void read(const char* name, void* values, int64_t bytes) const
    {
        const auto found = places.find(name);
        if (found == places.end()) return;
        if (found->second.second != bytes) fail(std::string("wrong size: ") + name);
        std::memcpy(values, found->second.first, (size_t)bytes);
    }
};

// File "final": the numbers of the arrays whose names are the lines of file "outputs", one array after the other. What
// does not fit on the disk is found short by who reads it.
class Left
{
    std::set<std::string> wanted;
    std::ofstream file;

public:
    Left() : file(path("final"), std::ios::binary)
    {
        std::ifstream names(path("outputs"));
        for (std::string name; std::getline(names, name);) wanted.insert(name);
    }

    bool wants(const char* name) const { return wanted.count(name) > 0; }

    void write(const char* name, const void* values, int64_t bytes)
    {
        if (wanted.count(name)) file.write((const char*)values, (std::streamsize)bytes);
    }
};

}  // namespace neurosim

#endif
