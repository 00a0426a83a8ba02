from django.db import models
from django.urls import reverse


class Document(models.Model):
    title = models.CharField(max_length=200)
    file = models.FileField(upload_to="documents")

    def __str__(self):
        return self.title

    def get_absolute_url(self):
        return reverse("download", args=[self.id])
