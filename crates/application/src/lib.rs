//! The use cases of user management: services and jobs over the domain's ports.
