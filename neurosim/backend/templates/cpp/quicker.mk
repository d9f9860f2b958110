
# Appended by neurosim: one precompiled header for all sources, and no optimisation of the long list of arrays
# in objects.cpp and of main.cpp, which run once at start and end.
$(OBJS): precompiled.h.gch
$(OBJS): private CXXFLAGS += -include precompiled.h
objects.o main.o: private CXXFLAGS += -O0
precompiled.h.gch: precompiled.h
	$(CXX) $(CXXFLAGS) -x c++-header precompiled.h -o precompiled.h.gch
