"""The images and the compose file of docker/, as a newcomer would use them."""
